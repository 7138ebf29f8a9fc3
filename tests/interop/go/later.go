package main

import (
	"context"
	"net/http"
)

// absent is an operation that the product may not offer yet. Once it does, the library must be able to read the reply.
type absent struct {
	name string
	call func(*session) (*http.Response, error)
}

var perhaps = []absent{
	{"GET /Security/Roles", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V2.SecurityRolesApi.NewGetSecurityRolesRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /Security/Identities", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.SecurityApi.NewGetSecurityIdentitiesRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /Security/Claims", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.SecurityClaimsApi.NewGetSecurityClaimsRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /EnrollmentPatterns", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.EnrollmentPatternApi.NewGetEnrollmentPatternsRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /Audit", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.AuditLogApi.NewGetAuditRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /License", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.LicenseApi.NewGetLicenseRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /AppSetting", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.AppSettingApi.NewGetAppSettingRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /Reports", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.ReportsApi.NewGetReportsRequest(context.Background()).Execute()
		return r, err
	}},
	{"GET /Reports/{id}/Parameters", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.ReportsApi.NewGetReportsByIdParametersRequest(context.Background(), 1).Execute()
		return r, err
	}},
	{"GET /Certificates/{id}/History", func(s *session) (*http.Response, error) {
		_, r, err := s.api.V1.CertificateApi.NewGetCertificatesByIdHistoryRequest(context.Background(), s.byCSR).Execute()
		return r, err
	}},
}

// leftOut is whether the product answers 501; the error is that of an answer that is neither this nor read.
func (a absent) leftOut(s *session) (bool, error) {
	reply, err := a.call(s)
	if reply != nil && reply.StatusCode == http.StatusNotImplemented {
		return true, nil
	}
	return false, said(err)
}
