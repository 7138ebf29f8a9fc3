"""ACME orders when the server dies: none is stuck, none lost, none gets two certificates."""
import pytest
import requests

import acme
import chancery
import keys
import processes

pytestmark = chancery.needs_faults
FORGETFUL = {"CHANCERY_DB_VFS": "forget"}  # on SQLite, what was not synced is lost with the server


class Story:
    """A client whose server dies where it is told to, and comes back."""

    def __init__(self, server, answers):
        self.server, self.answers = server, answers
        server.start()
        self.client = acme.Orderer(server, answers)

    def dies_at(self, point, act):
        """Start it so that it dies at POINT, act, and start it again."""
        self.server.stop()
        self.server.start(CHANCERY_CRASH_AT=point)
        self.reconnect()
        try:
            act()
        except requests.exceptions.ConnectionError:
            pass
        processes.wait_until(lambda: self.server.process.poll() is not None, 20, what=f"the server to die at {point}")
        self.server.killed = True
        self.server.start()
        self.reconnect()

    def reconnect(self):
        """Nonces of the server before are dead."""
        self.client.session.close()
        self.client.nonce_left = None


@pytest.fixture
def story(new_server, acme_settings, answers):
    return Story(new_server(program=chancery.FAULTS, settings=acme_settings, env=FORGETFUL), answers)


def answered(story, order):
    one = story.client.place(story.client.authz(order))
    story.client.good(one["url"], {})


@pytest.mark.seed("S357", "S370")
@pytest.mark.parametrize("point", ["acme.tried:1", "acme.concluded:1"])
def test_a_try_that_the_server_died_in_is_made_again(story, point):
    order = story.client.order(acme.name())
    story.dies_at(point, lambda: answered(story, order))
    assert story.client.poll(order["url"], "ready", "invalid")["status"] == "ready"
    assert story.client.finalize(order).json()["status"] == "valid"


@pytest.mark.seed("S357")
@pytest.mark.parametrize("point, then", [("enroll.signed:1", "ready"), ("enroll.committed:1", "valid")])
def test_an_order_has_its_certificate_or_can_be_finalized(story, point, then):
    wanted = acme.name()
    order = story.client.order(wanted)
    assert story.client.prove(order)["status"] == "ready"
    csr = acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))
    story.dies_at(point, lambda: story.client.post(order["finalize"], {"csr": csr}))
    assert story.client.good(order["url"]).json()["status"] == then, "no order is stuck"
    done = story.client.good(order["finalize"], {"csr": csr}).json()
    assert done["status"] == "valid" and "BEGIN CERTIFICATE" in story.client.good(done["certificate"]).text
    assert story.server.client().total(f'CN -eq "{wanted}"') == 1


@pytest.mark.seed("S357")
@pytest.mark.parametrize("point", ["acme.finalize_again:1", "enroll.signed:1", "enroll.committed:1"])
def test_an_order_that_is_processing_goes_on(new_server, acme_settings, answers, point):
    settings = {**acme_settings, "acme.finalize_delay": "100ms"}
    story = Story(new_server(program=chancery.FAULTS, settings=settings, env=FORGETFUL), answers)
    wanted = acme.name()
    order = story.client.order(wanted)
    story.client.prove(order)
    story.dies_at(point, lambda: story.client.finalize(order))
    done = story.client.poll(order["url"], "valid", "invalid")
    assert done["status"] == "valid" and "BEGIN CERTIFICATE" in story.client.good(done["certificate"]).text
    assert story.server.client().total(f'CN -eq "{wanted}"') == 1


def test_an_authority_that_cannot_sign_for_a_while_ends_no_order(new_server, acme_settings, answers):
    server = new_server(settings=acme_settings).start()
    client = acme.Orderer(server, answers)
    rest = server.client().rest
    issuing = [one for one in chancery.good(rest("GET", "/authorities"))["items"] if one["offers_enrollment"]][0]
    order = client.order(acme.name())
    client.prove(order)
    assert rest("POST", f"/authorities/{issuing['id']}/disable").status_code in (200, 204)
    assert client.finalize(order).json()["status"] == "processing"
    assert rest("POST", f"/authorities/{issuing['id']}/enable").status_code in (200, 204)
    assert client.poll(order["url"], "valid", "invalid", seconds=30)["status"] == "valid"
