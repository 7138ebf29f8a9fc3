package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	sdk "github.com/Keyfactor/keyfactor-go-client-sdk/v25"
	v1 "github.com/Keyfactor/keyfactor-go-client-sdk/v25/api/keyfactor/v1"
)

const (
	template = "WebServer"
	keeping  = "InteropKeeping" // a template like it that keeps the keys that the server makes
	password = "a long password of interop"
	csrName  = "csr.go.example.com"
	pfxName  = "pfx.go.example.com"
	field    = "InteropOwner"
)

// session is what the steps hand on to each other.
type session struct {
	server    *product
	api       *sdk.APIClient
	authority string
	byCSR     int32
	byPFX     int32
	fieldID   int32
}

var background = context.Background()

var steps = []struct {
	name string
	run  func(*session) error
}{
	{"Basic: a wrong password is refused", func(s *session) error {
		_, err := s.server.basic("wrong")
		if err == nil || !strings.Contains(err.Error(), "401") {
			return fmt.Errorf("not a 401: %v", err)
		}
		return nil
	}},
	{"OAuth2: a wrong client secret is refused", func(s *session) error {
		_, err := s.server.oauth("wrong")
		if err == nil || !strings.Contains(err.Error(), "invalid_client") {
			return fmt.Errorf("not invalid_client: %v", err)
		}
		return nil
	}},
	{"OAuth2: client credentials open the list", func(s *session) error {
		api, err := s.server.oauth(s.server.ClientSecret)
		if err != nil {
			return err
		}
		_, reply, err := api.V1.CertificateApi.NewGetCertificatesRequest(background).Execute()
		if err != nil {
			return said(err)
		}
		return want("the status", reply.StatusCode, http.StatusOK)
	}},
	{"Basic: the first user signs in", func(s *session) (err error) {
		s.api, err = s.server.basic(s.server.Password)
		return err
	}},
	{"a template that keeps keys is made, by the product's own API", makeTemplate},
	{"the endpoints name what is offered", func(s *session) error {
		list, _, err := s.api.V1.StatusApi.NewGetStatusEndpointsRequest(background).Execute()
		if err != nil {
			return said(err)
		}
		return want("that POST /Enrollment/PFX is among them", slices.Contains(list, "POST /Enrollment/PFX"), true)
	}},
	{"the templates: the library wants a number where Command's own clients want the text of KeyRetention", templates},
	{"the authorities", func(s *session) error {
		list, _, err := s.api.V1.CertificateAuthorityApi.NewGetCertificateAuthorityRequest(background).Execute()
		if err != nil {
			return said(err)
		}
		for _, one := range list {
			if one.GetAllowedEnrollmentTypes() != 0 {
				s.authority = one.GetLogicalName()
				got, _, err := s.api.V1.CertificateAuthorityApi.
					NewGetCertificateAuthorityByIdRequest(background, one.GetId()).Execute()
				if err != nil {
					return said(err)
				}
				return want("its name", got.GetLogicalName(), s.authority)
			}
		}
		return fmt.Errorf("none of %d authorities enrolls", len(list))
	}},
	{"what I may enroll with a request, and with a key of the server", func(s *session) error {
		csr, _, err := s.api.V1.EnrollmentApi.NewGetEnrollmentCSRContextMyRequest(background).Execute()
		if err != nil {
			return said(err)
		}
		pfx, _, err := s.api.V1.EnrollmentApi.NewGetEnrollmentPFXContextMyRequest(background).Execute()
		if err != nil {
			return said(err)
		}
		return want("that both have templates", len(csr.Templates) > 0 && len(pfx.Templates) > 0, true)
	}},
	{"metadata fields: make, read by id and by name, change", makeField},
	{"a request is read", func(s *session) error {
		_, csr, err := newCSR(csrName)
		if err != nil {
			return err
		}
		lines, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentCSRParseRequest(background).
			CSSCMSDataModelModelsCSRContents(v1.CSSCMSDataModelModelsCSRContents{CSR: csr}).Execute()
		if err != nil {
			return said(err)
		}
		return want("that the name is in it", strings.Contains(strings.Join(lines, "\n"), csrName), true)
	}},
	{"enroll with a request", enrollCSR},
	{"a bad request is refused", func(s *session) error {
		_, reply, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentCSRRequest(background).XCertificateformat("PEM").EnrollmentCSREnrollmentRequest(
			v1.EnrollmentCSREnrollmentRequest{CSR: "not a request", Template: text(template)}).Execute()
		return refused(reply, err, http.StatusBadRequest)
	}},
	{"enroll with a key of the server", enrollPFX},
	{"a certificate store that there is not gets nothing", deployNowhere},
	{"list: pages and their total", listPages},
	{"list: a query", func(s *session) error {
		list, _, err := s.api.V1.CertificateApi.NewGetCertificatesRequest(background).
			QueryString(fmt.Sprintf("CN -eq %q", csrName)).Execute()
		if err != nil {
			return said(err)
		}
		if err := want("how many", len(list), 1); err != nil {
			return err
		}
		return want("its id", list[0].GetId(), s.byCSR)
	}},
	{"list: a bad query is refused", func(s *session) error {
		_, reply, err := s.api.V1.CertificateApi.NewGetCertificatesRequest(background).QueryString("NoSuchField -eq 1").Execute()
		return refused(reply, err, http.StatusBadRequest)
	}},
	{"get", func(s *session) error {
		got, _, err := s.api.V1.CertificateApi.NewGetCertificatesByIdRequest(background, s.byCSR).IncludeMetadata(true).Execute()
		if err != nil {
			return said(err)
		}
		der, err := base64.StdEncoding.DecodeString(got.GetContentBytes())
		if err != nil || len(der) == 0 {
			return fmt.Errorf("ContentBytes: %d bytes, %v", len(der), err)
		}
		return errors.Join(want("IssuedCN", got.GetIssuedCN(), csrName), want("TemplateName", got.GetTemplateName() != "", true),
			want("CertState", got.GetCertState(), v1.KEYFACTORPKIENUMSCERTIFICATESTATE__1),
			want("the SANs", len(got.SubjectAltNameElements), 1), want("the metadata", got.Metadata[field], "ann"),
			want("that NotAfter is ahead", got.GetNotAfter().After(time.Now()), true))
	}},
	{"get: an unknown id is not found", func(s *session) error {
		_, reply, err := s.api.V1.CertificateApi.NewGetCertificatesByIdRequest(background, 999999999).Execute()
		return refused(reply, err, http.StatusNotFound)
	}},
	{"download", func(s *session) error {
		got, _, err := s.api.V1.CertificateApi.NewCreateCertificatesDownloadRequest(background).XCertificateformat("PEM").
			CertificatesCertificateDownloadRequest(v1.CertificatesCertificateDownloadRequest{
				CertID: number(s.byCSR), IncludeChain: pointer(true), ChainOrder: text("EndEntityFirst")}).Execute()
		if err != nil {
			return said(err)
		}
		content, err := base64.StdEncoding.DecodeString(got.GetContent())
		if err != nil {
			return err
		}
		chain, err := certificates(string(content))
		if err != nil {
			return err
		}
		return errors.Join(want("the length of the chain", len(chain), 3), s.verified(chain, csrName))
	}},
	{"recover", func(s *session) error {
		got, _, err := s.api.V1.CertificateApi.NewCreateCertificatesRecoverRequest(background).XCertificateformat("PFX").
			CertificatesCertificateRecoveryRequest(v1.CertificatesCertificateRecoveryRequest{
				Password: password, CertID: number(s.byPFX), IncludeChain: pointer(true)}).Execute()
		if err != nil {
			return said(err)
		}
		found, err := s.opened(got.GetPFX(), password)
		if err != nil {
			return err
		}
		return s.verified(found, pfxName)
	}},
	{"recover: a key that was never here is refused", func(s *session) error {
		_, reply, err := s.api.V1.CertificateApi.NewCreateCertificatesRecoverRequest(background).XCertificateformat("PFX").
			CertificatesCertificateRecoveryRequest(v1.CertificatesCertificateRecoveryRequest{
				Password: password, CertID: number(s.byCSR)}).Execute()
		if err == nil || reply == nil || reply.StatusCode < 400 || reply.StatusCode >= 500 {
			return fmt.Errorf("not refused: %v", err)
		}
		return nil
	}},
	{"metadata of a certificate: write, read, compare", certificateMetadata},
	{"collections: make, read by id and by name, list within, change, delete", collections},
	{"roles: make, change, read by both versions, who holds them, delete", roles},
	{"a request made by the server, and its certificate", generated},
	{"renew", renew},
	{"revoke", revoke},
	{"the CRL is published", func(s *session) error {
		reply, err := s.api.V1.CertificateAuthorityApi.NewCreateCertificateAuthorityPublishCRLRequest(background).
			CSSCMSDataModelModelsCRLRequestModel(v1.CSSCMSDataModelModelsCRLRequestModel{
				CertificateAuthorityLogicalName: s.authority, CertificateAuthorityHostName: text("")}).Execute()
		if err != nil {
			return said(err)
		}
		return want("that it succeeded", reply.StatusCode/100, 2)
	}},
	{"the private key is deleted", func(s *session) error {
		if _, err := s.api.V1.CertificateApi.NewDeleteCertificatesPrivateKeyByIdRequest(background, s.byPFX).Execute(); err != nil {
			return said(err)
		}
		got, _, err := s.api.V1.CertificateApi.NewGetCertificatesByIdRequest(background, s.byPFX).Execute()
		if err != nil {
			return said(err)
		}
		return want("HasPrivateKey", got.GetHasPrivateKey(), false)
	}},
	{"metadata fields: one in use is kept, unless forced", func(s *session) error {
		reply, err := s.api.V1.MetadataFieldApi.NewDeleteMetadataFieldsByIdRequest(background, s.fieldID).Execute()
		if err := refused(reply, err, http.StatusConflict); err != nil {
			return err
		}
		if _, err := s.api.V1.MetadataFieldApi.NewDeleteMetadataFieldsByIdRequest(background, s.fieldID).Force(true).Execute(); err != nil {
			return said(err)
		}
		_, reply, err = s.api.V1.MetadataFieldApi.NewGetMetadataFieldsByIdRequest(background, s.fieldID).Execute()
		return refused(reply, err, http.StatusNotFound)
	}},
}
