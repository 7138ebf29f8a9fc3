package main

import (
	"errors"
	"net/http"
	"strings"

	v1 "github.com/Keyfactor/keyfactor-go-client-sdk/v25/api/keyfactor/v1"
	v2 "github.com/Keyfactor/keyfactor-go-client-sdk/v25/api/keyfactor/v2"
)

const permissionSet = "00000000-0000-0000-0000-000000000001" // the one that there is

// roles drives version 2 of the roles, and what version 1 alone has: the identities, copies and the removal.
func roles(s *session) error {
	api, name := s.api.V2.SecurityRolesApi, "Interop role"
	group := v2.SecurityRoleClaimDefinitionsRoleClaimDefinitionRequest{
		ClaimType: v2.CSSCMSCOREENUMSCLAIMTYPE_Group, ClaimValue: "interop-users", Description: "of a test"}
	made, _, err := api.NewCreateSecurityRolesRequest(background).SecuritySecurityRolesSecurityRoleCreationRequest(
		v2.SecuritySecurityRolesSecurityRoleCreationRequest{Name: name, Description: "of a test", PermissionSetId: permissionSet,
			Permissions: []string{"/certificates/collections/read/"},
			Claims:      []v2.SecurityRoleClaimDefinitionsRoleClaimDefinitionRequest{group}}).Execute()
	if err != nil {
		return said(err)
	}
	id := made.GetId()
	changed, _, err := api.NewUpdateSecurityRolesRequest(background).SecuritySecurityRolesSecurityRoleUpdateRequest(
		v2.SecuritySecurityRolesSecurityRoleUpdateRequest{Id: id, Name: name, Description: "changed", PermissionSetId: permissionSet,
			Permissions: []string{"/certificates/collections/read/", "/certificates/collections/revoke/"}}).Execute()
	if err != nil {
		return said(err)
	}
	byID, _, err := api.NewGetSecurityRolesByIdRequest(background, id).Execute()
	if err != nil {
		return said(err)
	}
	rows, _, err := api.NewGetSecurityRolesRequest(background).QueryString(`Name -eq "interop role"`).Execute()
	if err != nil {
		return said(err)
	}
	if err := errors.Join(want("how many have the name", len(rows), 1), want("how many claims", len(byID.Claims), 1)); err != nil {
		return err
	}
	if err := errors.Join(want("the claim", byID.Claims[0].GetClaimValue(), "interop-users"),
		want("the description", changed.GetDescription(), "changed"), want("the count of claims", rows[0].GetClaimsCount(), int32(1)),
		want("the permissions", strings.Join(byID.Permissions, " "),
			"/certificates/collections/read/ /certificates/collections/revoke/")); err != nil {
		return err
	}
	return rolesOfVersionOne(s, id, byID.Claims[0].GetId())
}

func rolesOfVersionOne(s *session, id, claim int32) error {
	api := s.api.V1.SecurityRolesApi
	shown, _, err := api.NewGetSecurityRolesByIdRequest(background, id).Execute()
	if err != nil {
		return said(err)
	}
	who, _, err := api.NewGetSecurityRolesByIdIdentitiesRequest(background, id).Execute()
	if err != nil {
		return said(err)
	}
	if err := errors.Join(want("the permissions", strings.Join(shown.Permissions, " "), "Certificates:Read Certificates:Revoke"),
		want("how many hold it", len(who), 1)); err != nil {
		return err
	}
	none := v1.SecurityLegacySecurityRolesRoleIdentitiesRequest{Ids: []int32{}}
	if _, _, err := api.NewUpdateSecurityRolesByIdIdentitiesRequest(background, id).
		SecurityLegacySecurityRolesRoleIdentitiesRequest(none).Execute(); err != nil {
		return said(err)
	}
	if _, err := api.NewDeleteSecurityRolesByIdRequest(background, id).Execute(); err != nil {
		return said(err)
	}
	if _, err := s.api.V1.SecurityApi.NewDeleteSecurityIdentitiesByIdRequest(background, claim).Execute(); err != nil {
		return said(err)
	}
	_, reply, err := api.NewGetSecurityRolesByIdRequest(background, id).Execute()
	return refused(reply, err, http.StatusNotFound)
}
