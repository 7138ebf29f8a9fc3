package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/Keyfactor/keyfactor-go-client-sdk/v25/api/keyfactor/v1"
)

func makeField(s *session) error {
	api := s.api.V1.MetadataFieldApi
	made, _, err := api.NewCreateMetadataFieldsRequest(background).MetadataFieldMetadataFieldCreateRequest(
		v1.MetadataFieldMetadataFieldCreateRequest{Name: field, Description: "who answers for it",
			DataType: v1.CSSCMSCOREENUMSMETADATADATATYPE__1}).Execute()
	if err != nil {
		return said(err)
	}
	s.fieldID = made.GetId()
	byID, _, err := api.NewGetMetadataFieldsByIdRequest(background, s.fieldID).Execute()
	if err != nil {
		return said(err)
	}
	byName, _, err := api.NewGetMetadataFieldsNameRequest(background, field).Execute()
	if err != nil {
		return said(err)
	}
	changed, _, err := api.NewUpdateMetadataFieldsRequest(background).MetadataFieldMetadataFieldUpdateRequest(
		v1.MetadataFieldMetadataFieldUpdateRequest{Id: s.fieldID, Name: field, Description: "who pays for it",
			DataType: v1.CSSCMSCOREENUMSMETADATADATATYPE__1}).Execute()
	if err != nil {
		return said(err)
	}
	list, _, err := api.NewGetMetadataFieldsRequest(background).Execute()
	if err != nil {
		return said(err)
	}
	return errors.Join(want("the name by id", byID.GetName(), field), want("the id by name", byName.GetId(), s.fieldID),
		want("the new description", changed.GetDescription(), "who pays for it"), want("how many there are", len(list), 1))
}

func enrollCSR(s *session) error {
	key, csr, err := newCSR(csrName)
	if err != nil {
		return err
	}
	answer, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentCSRRequest(background).XCertificateformat("PEM").
		EnrollmentCSREnrollmentRequest(v1.EnrollmentCSREnrollmentRequest{CSR: csr, Template: text(template),
			CertificateAuthority: text(s.authority), IncludeChain: pointer(true), Timestamp: pointer(time.Now()),
			SANs: map[string][]string{"dns": {csrName}}, Metadata: map[string]any{field: "ann"}}).Execute()
	if err != nil {
		return said(err)
	}
	info := answer.GetCertificateInformation()
	s.byCSR = info.GetKeyfactorID()
	chain, err := certificates(info.Certificates...)
	if err != nil {
		return err
	}
	return errors.Join(want("that it has an id", s.byCSR > 0, true), want("its key is ours", key.PublicKey.Equal(chain[0].PublicKey), true),
		want("RequestDisposition", info.GetRequestDisposition(), "ISSUED"), s.verified(chain, csrName))
}

func enrollPFX(s *session) error {
	answer, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentPFXRequest(background).XCertificateformat("PFX").
		EnrollmentPFXEnrollmentRequest(v1.EnrollmentPFXEnrollmentRequest{Subject: text("CN=" + pfxName + ",O=Interop"),
			Template: text(keeping), CertificateAuthority: text(s.authority), Password: text(password), KeyType: text("ECC"),
			IncludeChain: pointer(true), Timestamp: pointer(time.Now()), SANs: map[string][]string{"dns": {pfxName}}}).Execute()
	if err != nil {
		return said(err)
	}
	info := answer.GetCertificateInformation()
	s.byPFX = info.GetKeyfactorId()
	found, err := s.opened(info.GetPkcs12Blob(), password)
	if err != nil {
		return err
	}
	if _, err := s.opened(info.GetPkcs12Blob(), "not "+password); err == nil {
		return errors.New("a wrong password opens the file")
	}
	return errors.Join(want("that it has an id", s.byPFX > 0, true), want("RequestDisposition", info.GetRequestDisposition(), "ISSUED"),
		s.verified(found, pfxName))
}

// deployNowhere asks for stores, of which the product keeps none yet: each that is named has failed.
func deployNowhere(s *session) error {
	const store = "6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a10"
	got, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentPFXDeployRequest(background).EnrollmentEnrollmentManagementRequest(
		v1.EnrollmentEnrollmentManagementRequest{CertificateId: &s.byPFX, Password: password, StoreIds: []string{store},
			JobTime: pointer(time.Now())}).Execute()
	if err != nil {
		return said(err)
	}
	instead, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentPFXReplaceRequest(background).
		CSSCMSDataModelModelsEnrollmentExistingEnrollmentManagementRequest(
			v1.CSSCMSDataModelModelsEnrollmentExistingEnrollmentManagementRequest{
				ExistingCertificateId: &s.byCSR, CertificateId: &s.byPFX}).Execute()
	if err != nil {
		return said(err)
	}
	where, _, err := s.api.V1.CertificateApi.NewGetCertificatesLocationsByIdRequest(background, s.byPFX).Execute()
	if err != nil {
		return said(err)
	}
	return errors.Join(want("FailedStores", slices.Equal(got.GetFailedStores(), []string{store}), true),
		want("SuccessfulStores", len(got.GetSuccessfulStores()), 0), want("those of Replace", len(instead.GetFailedStores()), 0),
		want("Details", len(where.GetDetails()), 0))
}

// total is the number that the list's header gives.
func total(reply *http.Response) (int, error) {
	return strconv.Atoi(reply.Header.Get("X-Total-Count"))
}

func listPages(s *session) error {
	var seen []string
	for page := int32(1); ; page++ {
		list, reply, err := s.api.V1.CertificateApi.NewGetCertificatesRequest(background).QueryString(`CN -contains "go.example.com"`).
			SortField("IssuedCN").SortAscending(v1.KEYFACTORCOMMONQUERYABLEEXTENSIONSSORTORDER__0).
			PageReturned(page).ReturnLimit(1).IncludeHasPrivateKey(true).Execute()
		if err != nil {
			return said(err)
		}
		all, err := total(reply)
		if err != nil {
			return err
		}
		if err := want("the total", all, 2); err != nil {
			return err
		}
		if len(list) == 0 {
			return want("what the pages show, in order", strings.Join(seen, " "), csrName+" "+pfxName)
		}
		if len(list) != 1 || len(seen) > 2 {
			return fmt.Errorf("page %d has %d after %d", page, len(list), len(seen))
		}
		if err := want("HasPrivateKey", list[0].GetHasPrivateKey(), list[0].GetIssuedCN() == pfxName); err != nil {
			return err
		}
		seen = append(seen, list[0].GetIssuedCN())
	}
}

func certificateMetadata(s *session) error {
	api := s.api.V1.CertificateApi
	if _, err := api.NewUpdateCertificatesMetadataRequest(background).CSSCMSDataModelModelsMetadataUpdateRequest(
		v1.CSSCMSDataModelModelsMetadataUpdateRequest{Id: pointer(s.byPFX), Metadata: map[string]string{field: "bob"}}).Execute(); err != nil {
		return said(err)
	}
	same, _, err := api.NewGetCertificatesMetadataCompareRequest(background).CertificateId(s.byPFX).MetadataFieldName(field).Value("bob").Execute()
	if err != nil {
		return said(err)
	}
	if _, err := api.NewUpdateCertificatesMetadataAllRequest(background).CSSCMSDataModelModelsMetadataAllUpdateRequest(
		v1.CSSCMSDataModelModelsMetadataAllUpdateRequest{CertificateIds: []int32{s.byPFX}, Metadata: []v1.CSSCMSDataModelModelsMetadataSingleUpdateRequest{
			{MetadataName: text(field), Value: text("eve"), OverwriteExisting: pointer(true)}}}).Execute(); err != nil {
		return said(err)
	}
	list, _, err := api.NewGetCertificatesRequest(background).QueryString(field + ` -eq "eve"`).IncludeMetadata(true).Execute()
	if err != nil {
		return said(err)
	}
	used, _, err := s.api.V1.MetadataFieldApi.NewGetMetadataFieldsByIdInUseRequest(background, s.fieldID).Execute()
	if err != nil {
		return said(err)
	}
	if err := want("how many have it", len(list), 1); err != nil {
		return err
	}
	return errors.Join(want("the comparison", same, true), want("that the field is in use", used, true),
		want("the id", list[0].GetId(), s.byPFX), want("the metadata", list[0].Metadata[field], "eve"))
}

func collections(s *session) error {
	api, name := s.api.V1.CertificateCollectionApi, "Interop keys"
	made, _, err := api.NewCreateCertificateCollectionsRequest(background).CertificateCollectionsCertificateCollectionCreateRequest(
		v1.CertificateCollectionsCertificateCollectionCreateRequest{Name: name, Description: text("of a test"),
			Query: text(fmt.Sprintf("CN -eq %q", pfxName)), DuplicationField: pointer(v1.CSSCMSCOREENUMSDUPLICATESUBJECTTYPE__0)}).Execute()
	if err != nil {
		return said(err)
	}
	id := made.GetId()
	byID, _, err := api.NewGetCertificateCollectionsByIdRequest(background, id).Execute()
	if err != nil {
		return said(err)
	}
	byName, _, err := api.NewGetCertificateCollectionsNameRequest(background, name).Execute()
	if err != nil {
		return said(err)
	}
	within, _, err := s.api.V1.CertificateApi.NewGetCertificatesRequest(background).CollectionId(id).Execute()
	if err != nil {
		return said(err)
	}
	if err := errors.Join(want("the name by id", byID.GetName(), name), want("the id by name", byName.GetId(), id),
		want("how many are in it", len(within), 1)); err != nil {
		return err
	}
	changed, _, err := api.NewUpdateCertificateCollectionsRequest(background).CertificateCollectionsCertificateCollectionUpdateRequest(
		v1.CertificateCollectionsCertificateCollectionUpdateRequest{Id: id, Name: name, Description: text("changed"),
			Query: text(`CN -contains "go.example.com"`)}).Execute()
	if err != nil {
		return said(err)
	}
	within, _, err = s.api.V1.CertificateApi.NewGetCertificatesRequest(background).CollectionId(id).Execute()
	if err != nil {
		return said(err)
	}
	if err := errors.Join(want("the description", changed.GetDescription(), "changed"), want("how many are in it now", len(within), 2)); err != nil {
		return err
	}
	if _, err := api.NewDeleteCertificateCollectionsByIdRequest(background, id).Execute(); err != nil {
		return said(err)
	}
	_, reply, err := api.NewGetCertificateCollectionsByIdRequest(background, id).Execute()
	return refused(reply, err, http.StatusNotFound)
}

func generated(s *session) error {
	name := "kept.go.example.org"
	made, _, err := s.api.V1.CSRGenerationApi.NewCreateCSRGenerationGenerateRequest(background).EnrollmentCSRGenerationRequest(
		v1.EnrollmentCSRGenerationRequest{Subject: "CN=" + name, KeyType: "ECC", KeyLength: pointer(int32(256)),
			SANs: map[string][]string{"dns": {name}}}).Execute()
	if err != nil {
		return said(err)
	}
	waiting, _, err := s.api.V1.CSRGenerationApi.NewGetCSRGenerationPendingRequest(background).Execute()
	if err != nil {
		return said(err)
	}
	if err := want("how many wait", len(waiting), 1); err != nil {
		return err
	}
	answer, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentCSRRequest(background).XCertificateformat("PEM").EnrollmentCSREnrollmentRequest(
		v1.EnrollmentCSREnrollmentRequest{CSR: made.CSR, Template: text(template), CertificateAuthority: text(s.authority)}).Execute()
	if err != nil {
		return said(err)
	}
	info := answer.GetCertificateInformation()
	got, _, err := s.api.V1.CertificateApi.NewCreateCertificatesRecoverRequest(background).XCertificateformat("PFX").
		CertificatesCertificateRecoveryRequest(v1.CertificatesCertificateRecoveryRequest{Password: password,
			CertID: number(info.GetKeyfactorID()), IncludeChain: pointer(true)}).Execute()
	if err != nil {
		return said(err)
	}
	found, err := s.opened(got.GetPFX(), password)
	if err != nil {
		return err
	}
	return s.verified(found, name)
}

func renew(s *session) error {
	can, _, err := s.api.V1.EnrollmentApi.NewGetEnrollmentAvailableRenewalIdByIdRequest(background, s.byPFX).Execute()
	if err != nil {
		return said(err)
	}
	if err := want("that it can be renewed", can.GetAvailableRenewalType() != v1.CSSCMSDATAMODELENUMSRENEWALTYPE__0, true); err != nil {
		return err
	}
	answer, _, err := s.api.V1.EnrollmentApi.NewCreateEnrollmentRenewRequest(background).EnrollmentRenewAPIRequest(
		v1.EnrollmentRenewAPIRequest{CertificateId: number(s.byPFX), CertificateAuthority: text(s.authority),
			Template: text(keeping), Timestamp: pointer(time.Now())}).Execute()
	if err != nil {
		return said(err)
	}
	got, _, err := s.api.V1.CertificateApi.NewGetCertificatesByIdRequest(background, answer.GetKeyfactorId()).Execute()
	if err != nil {
		return said(err)
	}
	return errors.Join(want("that it is another one", got.GetId() != s.byPFX, true), want("its name", got.GetIssuedCN(), pfxName),
		want("its thumbprint", got.GetThumbprint(), answer.GetThumbprint()))
}

func revoke(s *session) error {
	api := s.api.V1.CertificateApi
	answer, _, err := api.NewCreateCertificatesRevokeRequest(background).CertificatesRevokeCertificateRequest(
		v1.CertificatesRevokeCertificateRequest{CertificateIds: []int32{s.byCSR}, Reason: pointer(v1.KEYFACTORPKIENUMSREVOKECODE__4),
			Comment: text("superseded by a test"), EffectiveDate: pointer(time.Now())}).Execute()
	if err != nil {
		return said(err)
	}
	if len(answer.RevokedIds) != 1 || answer.RevokedIds[0] != s.byCSR {
		return fmt.Errorf("RevokedIds is %v", answer.RevokedIds)
	}
	got, _, err := api.NewGetCertificatesByIdRequest(background, s.byCSR).Execute()
	if err != nil {
		return said(err)
	}
	query := fmt.Sprintf("CN -eq %q", csrName)
	hidden, _, err := api.NewGetCertificatesRequest(background).QueryString(query).Execute()
	if err != nil {
		return said(err)
	}
	shown, _, err := api.NewGetCertificatesRequest(background).QueryString(query).IncludeRevoked(true).Execute()
	if err != nil {
		return said(err)
	}
	return errors.Join(want("CertState", got.GetCertState(), v1.KEYFACTORPKIENUMSCERTIFICATESTATE__2),
		want("RevocationReason", got.GetRevocationReason(), v1.KEYFACTORPKIENUMSREVOKECODE__4),
		want("how many without the revoked", len(hidden), 0), want("how many with them", len(shown), 1))
}
