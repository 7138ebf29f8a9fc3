"""Drives a server of its own with the vendor's published Python client library: its models, its ways to sign in.

usage: drive.py PROGRAM     ends with the line `N passed, N failed`
"""
import base64
import datetime
import importlib
import json
import os
import sys

import command_v11_client
from command_v11_client.models import (
    csscms_core_enums_metadata_data_type as data_type, csscms_data_model_models_crl_request_model as crl_request,
    csscms_data_model_models_csr_contents as csr_contents,
    csscms_data_model_models_enrollment_csr_enrollment_request as csr_request,
    csscms_data_model_models_enrollment_csr_enrollment_request_metadata as csr_metadata,
    csscms_data_model_models_enrollment_csr_enrollment_request_sa_ns as csr_sans,
    csscms_data_model_models_enrollment_csr_generation_request as generation,
    csscms_data_model_models_enrollment_csr_generation_request_sa_ns as generation_sans,
    csscms_data_model_models_enrollment_existing_enrollment_management_request as replacement,
    csscms_data_model_models_enrollment_pfx_enrollment_request as pfx_request,
    csscms_data_model_models_enrollment_pfx_enrollment_request_sa_ns as pfx_sans,
    csscms_data_model_models_enrollment_renewal_request as renewal,
    csscms_data_model_models_metadata_all_update_request as all_update,
    csscms_data_model_models_metadata_single_update_request as single_update,
    csscms_data_model_models_metadata_update_request as metadata_update,
    csscms_data_model_models_metadata_update_request_metadata as metadata_values,
    csscms_data_model_models_revoke_certificate_request as revoke_request,
    keyfactor_common_queryable_extensions_sort_order as sort_order, keyfactor_pki_enums_revoke_code as revoke_code,
    keyfactor_web_keyfactor_api_models_certificate_collections_certificate_collection_create_request as collection_create,
    keyfactor_web_keyfactor_api_models_certificate_collections_certificate_collection_update_request as collection_update,
    keyfactor_web_keyfactor_api_models_certificates_certificate_download_request as download_request,
    keyfactor_web_keyfactor_api_models_certificates_certificate_recovery_request as recovery,
    keyfactor_web_keyfactor_api_models_enrollment_enrollment_management_request as deployment,
    keyfactor_web_keyfactor_api_models_metadata_field_metadata_field_create_request as field_create,
    keyfactor_web_keyfactor_api_models_metadata_field_metadata_field_update_request as field_update)

import product

TEMPLATE, KEEPING = "WebServer", "InteropKeeping"
FIELD = "interopOwner"  # the library makes the first letter of every name that it reads a small one
PASSWORD = "a long password of interop"
CSR_NAME, PFX_NAME = "csr.py.example.com", "pfx.py.example.com"

# What the product may not offer yet. Once it does, the library must be able to read the reply.
PERHAPS = {
    "GET /Security/Roles": "security_roles.get_security_roles",
    "GET /Security/Identities": "security.get_security_identities",
    "GET /Security/Claims": "security_claims.get_security_claims",
    "GET /Audit": "audit_log.get_audit",
    "GET /License": "license_.get_license",
    "GET /AppSetting": "app_setting.get_app_setting",
    "GET /Reports": "reports.get_reports",
}


def model(module):
    """The one model class of its module."""
    return next(one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Session:
    """What the steps hand on to each other."""

    def __init__(self, server):
        self.server = server

    def basic(self, password):
        token = base64.b64encode(f"{self.server.said['user']}:{password}".encode()).decode()
        return command_v11_client.AuthenticatedClient(base_url=f"https://{self.server.host}/KeyfactorAPI", prefix="Basic",
                                                      token=token, verify_ssl=self.server.ca)

    def oauth(self, secret):
        client = command_v11_client.AuthenticatedClient(base_url=f"https://{self.server.host}/KeyfactorAPI", token="none",
                                                        verify_ssl=self.server.ca)
        client._idp_args.update(tokenURL=f"https://{self.server.host}/KeyfactorAPI/OAuth/Token",
                                clientId=self.server.said["client_id"], clientSecret=secret)
        return client

    def ask(self, name, *path, client=None, **more):
        """The library's reply of its function NAME, `folder.module`."""
        function = importlib.import_module(f"command_v11_client.api.{name}").sync_detailed
        return function(*path, client=client or self.client, **more)

    def good(self, name, *path, **more):
        """What the library read from a reply that must be good; None from one without a body."""
        reply = self.ask(name, *path, **more)
        assert reply.status_code in (200, 204), f"{name}: {reply.status_code} {reply.content[:400]}"
        assert reply.parsed is not None or reply.status_code == 204, f"{name}: nothing was read of {reply.content[:400]}"
        return reply.parsed

    def refused(self, status, name, *path, **more):
        reply = self.ask(name, *path, **more)
        assert reply.status_code == status, f"{name}: {reply.status_code} {reply.content[:400]}"

    def perhaps(self, name):
        return product.LEFT_OUT if self.ask(name).status_code == 501 else self.good(name)

    def recover(self, certificate):
        return self.ask("certificate.post_certificates_recover", json_body=model(recovery)(
            password=PASSWORD, cert_id=certificate, include_chain=True))

    def recovered(self, certificate, name):
        """A key that the library recovers comes as PEM: it, its certificate, the chain. It looks for `pfx` where it has
        made `pFX` of PFX, so the text is taken from the reply that it returns."""
        reply = self.recover(certificate)
        assert reply.status_code == 200, reply.content[:400]
        text = base64.b64decode(json.loads(reply.content)["PFX"]).decode()
        chain = product.pems(text, "CERTIFICATE")
        self.server.key_fits(product.pems(text, "ENCRYPTED PRIVATE KEY")[0], PASSWORD, chain[0])
        self.server.verify(chain, name)

    def enroll(self, csr, template=TEMPLATE, **more):
        return self.good("enrollment.post_enrollment_csr", json_body=model(csr_request)(
            csr=csr, template=template, certificate_authority=self.authority, include_chain=True, timestamp=now(),
            **more)).certificate_information

    # The steps, in their order.

    def step_basic_wrong_password_is_refused(self):
        self.refused(401, "certificate.get_certificates", client=self.basic("wrong"))

    def step_oauth2_wrong_secret_gets_no_token(self):
        try:
            self.ask("certificate.get_certificates", client=self.oauth("wrong"))
        except KeyError as missing:
            assert missing.args == ("access_token",), missing
        else:
            raise AssertionError("a token was given")

    def step_oauth2_client_credentials_open_the_list(self):
        self.good("certificate.get_certificates", client=self.oauth(self.server.said["client_secret"]))

    def step_basic_the_first_user_signs_in(self):
        self.client = self.basic(self.server.said["password"])
        assert "POST /Enrollment/PFX" in self.good("status.get_status_endpoints")

    def step_a_template_that_keeps_keys_is_made_by_the_products_own_api(self):
        http, url = self.client.get_httpx_client(), f"https://{self.server.host}/api/v1/templates"
        policy = http.get(f"{url}/{TEMPLATE}").json()["policy"]
        made = http.post(url, json={"name": KEEPING, "policy": {**policy, "key_retention": "indefinite"}})
        assert made.status_code == 201, made.text

    def unreadable(self, name, path, enumeration):
        """The rows of a list in which the library meets a value that its enumeration lacks."""
        try:
            self.ask(name)
        except ValueError as wrong:
            assert f"is not a valid {enumeration}" in str(wrong), wrong
        else:
            raise AssertionError("the library reads the list now: check all of it")
        return self.client.get_httpx_client().get(path).json()

    def step_templates_key_retention_is_the_text_of_commands_own_clients_and_no_number(self):
        found = self.unreadable("template.get_templates", "/Templates", "CSSCMSCoreEnumsKeyRetentionPolicy")
        assert {one["CommonName"]: one["KeyRetention"] for one in found}[KEEPING] == "Indefinite"

    def step_authorities_their_enrollment_types_are_flags_and_3_is_both(self):
        found = self.unreadable("certificate_authority.get_certificate_authority", "/CertificateAuthority",
                                "CSSCMSCoreEnumsEnrollmentType")
        self.authority = next(one["LogicalName"] for one in found if one["AllowedEnrollmentTypes"] == 3)

    def step_metadata_fields_make_read_change(self):
        kind = data_type.CSSCMSCoreEnumsMetadataDataType.VALUE_1
        made = self.good("metadata_field.post_metadata_fields", json_body=model(field_create)(
            name=FIELD, description="who answers for it", data_type=kind))
        self.field = made.id
        assert self.good("metadata_field.get_metadata_fields_id", made.id).name == FIELD
        assert self.good("metadata_field.get_metadata_fields_name", FIELD).id == made.id
        assert [one.name for one in self.good("metadata_field.get_metadata_fields")] == [FIELD]
        changed = self.good("metadata_field.put_metadata_fields", json_body=model(field_update)(
            id=made.id, name=FIELD, description="who pays for it", data_type=kind, display_order=1))
        assert changed.description == "who pays for it"

    def step_enroll_with_a_request(self):
        csr = self.server.new_csr(CSR_NAME)
        lines = self.good("enrollment.post_enrollment_csr_parse", json_body=model(csr_contents)(csr=csr))
        assert any(CSR_NAME in line for line in lines), lines
        info = self.enroll(csr, sa_ns=model(csr_sans).from_dict({"dns": [CSR_NAME]}),
                           metadata=model(csr_metadata).from_dict({FIELD: "ann"}))
        self.by_csr = info.keyfactor_id
        assert self.by_csr > 0 and info.request_disposition == "ISSUED", info
        own = (self.server.dir / "own.key").read_text()
        shown = self.good("certificate.get_certificates_id", self.by_csr, include_metadata=True)
        leaf = pem(shown.content_bytes)
        self.server.key_fits(own, "", leaf)
        assert (shown.issued_cn, shown.cert_state, len(shown.subject_alt_name_elements)) == (CSR_NAME, 1, 1), shown
        assert shown.not_after > now(), shown.not_after
        assert shown.metadata.additional_properties.get(FIELD) == "ann", shown.metadata

    def step_a_bad_request_is_refused(self):
        self.refused(400, "enrollment.post_enrollment_csr", json_body=model(csr_request)(csr="not a request",
                                                                                       template=TEMPLATE))

    def step_enroll_with_a_key_of_the_server(self):
        info = self.good("enrollment.post_enrollment_pfx", json_body=model(pfx_request)(
            subject=f"CN={PFX_NAME},O=Interop", template=KEEPING, certificate_authority=self.authority, password=PASSWORD,
            key_type="ECC", include_chain=True, timestamp=now(),
            sa_ns=model(pfx_sans).from_dict({"dns": [PFX_NAME]}))).certificate_information
        self.by_pfx = info.keyfactor_id
        assert self.by_pfx > 0 and info.request_disposition == "ISSUED", info
        self.server.verify(self.server.opened(info.pkcs_12_blob, PASSWORD), PFX_NAME)

    def step_a_certificate_store_that_there_is_not_gets_nothing(self):
        store = "6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a10"
        got = self.good("enrollment.post_enrollment_pfx_deploy", json_body=model(deployment)(
            certificate_id=self.by_pfx, password=PASSWORD, store_ids=[store], job_time=now()))
        assert (got.failed_stores, got.successful_stores) == ([store], []), got
        got = self.good("enrollment.post_enrollment_pfx_replace", json_body=model(replacement)(
            existing_certificate_id=self.by_csr, certificate_id=self.by_pfx))
        assert got.failed_stores == got.successful_stores == [], got
        assert self.good("certificate.get_certificates_locations_id", self.by_pfx).details == []

    def step_no_report_has_parameters(self):
        assert self.good("reports.get_reports_id_parameters", 1) == []

    def step_list_pages_and_their_total(self):
        seen = []
        for page in (1, 2, 3):
            reply = self.ask("certificate.get_certificates", query_string='CN -contains "py.example.com"',
                             page_returned=page, return_limit=1, sort_field="IssuedCN", include_has_private_key=True,
                             sort_ascending=sort_order.KeyfactorCommonQueryableExtensionsSortOrder.VALUE_0)
            assert reply.headers["x-total-count"] == "2", reply.headers
            seen += [(one.issued_cn, one.has_private_key) for one in reply.parsed]
        assert seen == [(CSR_NAME, False), (PFX_NAME, True)], seen

    def step_list_a_query(self):
        assert [one.id for one in self.found(f'CN -eq "{CSR_NAME}"')] == [self.by_csr]
        self.refused(400, "certificate.get_certificates", query_string="NoSuchField -eq 1")

    def found(self, query="", **more):
        return self.good("certificate.get_certificates", query_string=query, **more)

    def step_an_unknown_id_is_not_found(self):
        self.refused(404, "certificate.get_certificates_id", 999999999)

    def step_download(self):
        got = self.good("certificate.post_certificates_download", json_body=model(download_request)(
            cert_id=self.by_csr, include_chain=True, chain_order="EndEntityFirst"))
        chain = product.pems(base64.b64decode(got.content).decode(), "CERTIFICATE")
        assert len(chain) == 3
        self.server.verify(chain, CSR_NAME)

    def step_recover(self):
        self.recovered(self.by_pfx, PFX_NAME)
        assert self.recover(self.by_csr).status_code == 400, "a key that was never here"

    def step_metadata_of_a_certificate_write_read_compare(self):
        self.good("certificate.put_certificates_metadata", json_body=model(metadata_update)(
            certificate_id=self.by_pfx, metadata=model(metadata_values).from_dict({FIELD: "bob"})))
        assert self.good("certificate.get_certificates_metadata_compare", certificate_id=self.by_pfx,
                         metadata_field_name=FIELD, value="bob") is True
        self.good("certificate.put_certificates_metadata_all", json_body=model(all_update)(
            certificate_ids=[self.by_pfx], metadata=[model(single_update)(metadata_name=FIELD, value="eve",
                                                                         overwrite_existing=True)]))
        found = self.found(f'{FIELD} -eq "eve"', include_metadata=True)
        assert [(one.id, one.metadata.additional_properties[FIELD]) for one in found] == [(self.by_pfx, "eve")]
        assert self.good("metadata_field.get_metadata_fields_id_in_use", self.field) is True

    def step_collections(self):
        name = "Interop keys"
        made = self.good("certificate_collection.post_certificate_collections", json_body=model(collection_create)(
            name=name, description="of a test", query=f'CN -eq "{PFX_NAME}"'))
        assert self.good("certificate_collection.get_certificate_collections_id", made.id).name == name
        assert self.good("certificate_collection.get_certificate_collections_name", name).id == made.id
        assert [one.id for one in self.found(collection_id=made.id)] == [self.by_pfx]
        changed = self.good("certificate_collection.put_certificate_collections", json_body=model(collection_update)(
            id=made.id, name=name, description="changed", query='CN -contains "py.example.com"'))
        assert changed.description == "changed" and len(self.found(collection_id=made.id)) == 2
        assert made.id in [one.id for one in self.good("certificate_collection.get_certificate_collections")]
        self.good("certificate_collection.delete_certificate_collections_id", made.id)
        self.refused(404, "certificate_collection.get_certificate_collections_id", made.id)

    def step_a_request_made_by_the_server_and_its_certificate(self):
        # the library looks for `csr` where it has made `cSR` of CSR, in every reply: its HTTP client reads the text
        name, http = "kept.py.example.org", self.client.get_httpx_client()
        asked = model(generation)(subject=f"CN={name}", key_type="ECC", key_length=256,
                                  sa_ns=model(generation_sans).from_dict({"dns": [name]}))
        made = http.post("/CSRGeneration/Generate", json=asked.to_dict())
        assert made.status_code == 200, made.text
        assert [one.subject for one in self.good("csr_generation.get_csr_generation_pending")] == [[f"CN={name}"]]
        self.recovered(self.enroll(made.json()["CSR"], KEEPING).keyfactor_id, name)

    def step_renew(self):
        assert self.good("enrollment.get_enrollment_available_renewal_id_id", self.by_pfx).available_renewal_type
        again = self.good("enrollment.post_enrollment_renew", json_body=model(renewal)(
            certificate_id=self.by_pfx, certificate_authority=self.authority, template=KEEPING, timestamp=now()))
        got = self.good("certificate.get_certificates_id", again.keyfactor_id)
        assert got.id != self.by_pfx and (got.issued_cn, got.thumbprint) == (PFX_NAME, again.thumbprint), got

    def step_revoke(self):
        answer = self.good("certificate.post_certificates_revoke", json_body=model(revoke_request)(
            certificate_ids=[self.by_csr], reason=revoke_code.KeyfactorPKIEnumsRevokeCode.VALUE_4,
            comment="superseded by a test", effective_date=now()))
        assert answer.revoked_ids == [self.by_csr], answer
        got = self.good("certificate.get_certificates_id", self.by_csr)
        assert (got.cert_state, got.revocation_reason) == (2, 4), got
        query = f'CN -eq "{CSR_NAME}"'
        assert len(self.found(query)) == 0 and len(self.found(query, include_revoked=True)) == 1

    def step_the_crl_is_published(self):
        self.good("certificate_authority.post_certificate_authority_publish_crl", json_body=model(crl_request)(
            certificate_authority_logical_name=self.authority, certificate_authority_host_name=""))

    def step_the_private_key_is_deleted(self):
        self.good("certificate.delete_certificates_private_key_id", self.by_pfx)
        assert self.good("certificate.get_certificates_id", self.by_pfx).has_private_key is False

    def step_a_metadata_field_in_use_is_kept_unless_forced(self):
        self.refused(409, "metadata_field.delete_metadata_fields_id", self.field)
        self.good("metadata_field.delete_metadata_fields_id", self.field, force=True)
        self.refused(404, "metadata_field.get_metadata_fields_id", self.field)


def pem(content):
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"


def main(program):
    server = product.Product(os.path.abspath(program))
    # the library fetches its token by `requests`, which knows of no other way to be told whom to trust
    os.environ["REQUESTS_CA_BUNDLE"] = server.ca
    os.environ["NO_PROXY"] = "127.0.0.1"
    session = Session(server)
    steps = product.steps_of(session)
    steps += [(operation, lambda name=name: session.perhaps(name)) for operation, name in PERHAPS.items()]
    return product.run(steps + [("the server ends well", server.stop)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: drive.py PROGRAM")
    sys.exit(main(sys.argv[1]))
