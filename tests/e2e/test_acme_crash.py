"""ACME orders when the server dies: none is stuck, none lost, none gets two certificates."""
import itertools
import random
import threading
import time

import pytest
import requests

import acme
import chancery
import conftest
import keys
import processes
import test_crash
from test_acme_orders import approved_template

pytestmark = chancery.needs_faults
FORGETFUL = {"CHANCERY_DB_VFS": "forget"}  # on SQLite, what was not synced is lost with the server
# Rounds under load. Where several servers may share a database, what a dead one had begun rests for five seconds.
EACH = {"sqlite": conftest.ROUNDS // 2, "postgresql": conftest.ROUNDS // 4} if conftest.ROUNDS <= 20 else \
    dict.fromkeys(conftest.DATABASES, conftest.ROUNDS)


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


@pytest.mark.seed("S357")
def test_an_order_that_is_approved_while_the_server_dies_gets_its_certificate(new_server, acme_settings, answers):
    settings = {**acme_settings, "acme.template": "Approved"}
    story = Story(new_server(program=chancery.FAULTS, settings=settings, env=FORGETFUL), answers)
    approved_template(story.server.client())
    wanted = acme.name()
    order = story.client.order(wanted)
    story.client.prove(order)
    assert story.client.finalize(order).json()["status"] == "processing"

    def approve():
        client = story.server.client()
        waiting, = chancery.good(client.rest("GET", "/requests"))["items"]
        client.rest("POST", f"/requests/{waiting['id']}/approve", json={})
    story.dies_at("approve.decided:1", approve)
    done = story.client.poll(order["url"], "valid", "invalid", seconds=40)
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


# Killed under load. Each way of dying: by our hand at any moment, or at a passing of one of these points.
POINTS = ("acme.tried", "acme.concluded", "enroll.signed", "enroll.committed", "acme.finalize_again", "jobs.taken",
          "jobs.ran", "jobs.settled", "db.before_commit", "db.after_commit_before_answer", "revoke.committed")
COMMON = ("db.before_commit", "db.after_commit_before_answer", "jobs.taken", "jobs.ran", "jobs.settled")  # passed often


def everything(client, path):
    """All that a list of /api/v1 has, page by page."""
    found, after = [], None
    while True:
        page = chancery.good(client.rest("GET", path, params={"limit": 500, "after": after}))
        found += page["items"]
        after = page.get("next")
        if not after:
            return found


class Wish:
    """A certificate that somebody wants, and how far it is; it goes on after each death where it was."""

    def __init__(self, holder):
        self.holder, self.name = holder, acme.name()
        self.csr = acme.der(keys.new_csr(cn=self.name, dns=(self.name,)))
        self.url = self.chain = None
        self.to_revoke, self.revoked = random.random() < 0.3, False

    def go_on(self):
        """To its end, unless the server dies on the way; an answer that was lost is asked for again."""
        holder = self.holder
        if not holder.kid:
            reply = holder.post("newAccount", {"termsOfServiceAgreed": True}, jwk=True)
            assert reply.status_code in (200, 201), reply.text
            holder.kid = reply.headers["Location"]
        if not self.url:
            self.url = holder.order(self.name)["url"]
        order = {**holder.good(self.url).json(), "url": self.url}
        if order["status"] == "pending":
            order = {**holder.prove(order), "url": self.url}
        if order["status"] == "ready":
            holder.good(order["finalize"], {"csr": self.csr})
        order = holder.poll(self.url, "valid", "invalid")
        assert order["status"] == "valid", order
        self.chain = holder.good(order["certificate"]).text
        if self.to_revoke and not self.revoked:
            reply = acme.revoke(holder, self.chain, reason=4)
            assert reply.status_code == 200 or reply.json()["type"].endswith("alreadyRevoked"), reply.text
            self.revoked = True

    @property
    def done(self):
        return self.chain and self.revoked >= self.to_revoke


class Crowd:
    """Clients that order until the server dies, and go on when it is back."""

    def __init__(self, server, answers, size=3):
        self.server, self.answers = server, answers
        self.wishes, self.failures, self.newest = [], [], [None] * size

    def reconnect(self):
        """Nonces of the server before are dead."""
        for wish in filter(None, self.newest):
            wish.holder.session.close()
            wish.holder.nonce_left = None

    def newcomer(self):
        """Somebody without an account."""
        return acme.Orderer(self.server, self.answers, registered=False)

    def next_wish(self, place):
        """Of one of the clients, by its place: what is not done yet, or something new, at times by a new account."""
        last = self.newest[place]
        if not last or last.done:
            holder = self.newcomer() if not last or random.random() < 0.2 else last.holder
            self.newest[place] = Wish(holder)
            self.wishes.append(self.newest[place])
        return self.newest[place]

    def work(self, place, until_death):
        try:
            while until_death or (self.newest[place] and not self.newest[place].done):
                self.next_wish(place).go_on()
        except requests.RequestException as lost:
            if not until_death:
                self.failures.append(lost)
        except AssertionError as broken:
            self.failures.append(broken)

    def all_work(self, until_death):
        threads = [threading.Thread(target=self.work, args=(place, until_death)) for place in range(len(self.newest))]
        for thread in threads:
            thread.start()
        return threads

    def until_death(self, kill_after=None):
        """They work; the server dies by our hand, or by itself."""
        before = len(self.wishes)
        threads = self.all_work(True)
        if kill_after is None:
            try:
                self.server.process.wait(30)
            finally:
                still = self.server.process.poll() is None
                self.server.kill()
        else:
            processes.wait_until(lambda: len(self.wishes) > before or self.failures, 30, what="work")
            time.sleep(kill_after)
            still = False
            self.server.kill()
        self.ended(threads)
        assert not still, "the server did not die"

    def finish(self):
        """What was begun comes to its end, with nobody's help but the client's."""
        self.reconnect()
        self.ended(self.all_work(False))
        assert all(wish.done for wish in self.newest if wish)

    def ended(self, threads):
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        if self.failures:
            raise self.failures[0]

    def check(self):
        """One order for each wish, one certificate for each order, an order for each certificate."""
        client = self.server.client()
        orders = everything(client, "/acme/orders")
        register = {row["Id"]: row for row in test_crash.pages(client, 'CN -endswith ".acme.test"')}
        stuck = [one for one in orders if one["status"] != "valid"]
        assert not stuck, f"{len(stuck)} orders have no end, such as {stuck[0]}"
        assert sorted(one["names"][0] for one in orders) == sorted(wish.name for wish in self.wishes)
        given = [one["certificate_id"] for one in orders]
        assert len(set(given)) == len(given), "two orders share a certificate"
        assert set(given) == set(register), "a certificate without its order, or an order without its certificate"
        assert not set(given) - test_crash.audited(client, "certificate.issue")
        of_order = {one["id"]: register[one["certificate_id"]] for one in orders}
        for wish in self.wishes:
            row = of_order[wish.url.rsplit("/", 1)[-1]]
            assert row["Thumbprint"] == keys.thumbprint(acme.leaf(wish.chain)), f"{wish.name} has another certificate"
            assert (row["CertState"] == 2) == wish.revoked, row
        assert len(everything(client, "/acme/accounts")) == len({wish.holder for wish in self.wishes}), "an account was made twice"


def dies_at(server, crowd, point):
    """Start it so that it dies at some passing of POINT, which may be while it starts, and let them work until then."""
    server.spawn(CHANCERY_CRASH_AT=f"{point}:{random.randint(1, 40 if point in COMMON else 4)}")
    processes.wait_until(lambda: server.process.poll() is not None or server.ready_file.exists(), 60, what="start or crash")
    if server.process.poll() is None:
        server.wait_ready()
        crowd.reconnect()
        crowd.until_death()
    server.killed = True
    assert server.process.returncode == -9, f"{point}: " + server.tail()


@pytest.mark.seed("S357", "S370")
def test_killed_under_load_no_order_is_stuck_or_lost_or_served_twice(new_server, acme_settings, answers, database):
    server = new_server(program=chancery.FAULTS, settings=acme_settings, env=FORGETFUL).start()
    crowd, points = Crowd(server, answers), itertools.cycle(random.sample(POINTS, len(POINTS)))
    for number in range(EACH[database]):
        if number % 2:
            point = next(points)
            server.stop()
            # at once, or by a job
            server.settings["acme.finalize_delay"] = "50ms" if point == "acme.finalize_again" else random.choice(("0s", "50ms"))
            dies_at(server, crowd, point)
        else:
            crowd.until_death(kill_after=random.uniform(0.02, 0.5))
        server.start()
        crowd.finish()
        crowd.check()
    done = server.cli("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
