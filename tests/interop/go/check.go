package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/Keyfactor/keyfactor-go-client-sdk/v25/api/keyfactor/v1"
)

// want says what differs, when something does.
func want(what string, found, wanted any) error {
	if found != wanted {
		return fmt.Errorf("%s is %v, not %v", what, found, wanted)
	}
	return nil
}

// said adds to an error of the library what the server answered.
func said(err error) error {
	var told v1.GenericOpenAPIError
	var pointed *v1.GenericOpenAPIError
	if errors.As(err, &told) {
		return fmt.Errorf("%w: %.400s", err, told.Body())
	}
	if errors.As(err, &pointed) {
		return fmt.Errorf("%w: %.400s", err, pointed.Body())
	}
	return err
}

// refused is nil when a call failed with that status.
func refused(reply *http.Response, err error, status int) error {
	if err == nil {
		return fmt.Errorf("it was not refused")
	}
	if reply == nil {
		return fmt.Errorf("no reply: %w", err)
	}
	return want("the status", reply.StatusCode, status)
}

func text(value string) v1.NullableString { return *v1.NewNullableString(&value) }
func number(value int32) v1.NullableInt32 { return *v1.NewNullableInt32(&value) }
func pointer[T any](value T) *T           { return &value }

// newCSR makes a key and a request for that name; PEM.
func newCSR(name string) (*ecdsa.PrivateKey, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader,
		&x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, key)
	if err != nil {
		return nil, "", err
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// certificates reads PEM texts, one or more certificates each.
func certificates(texts ...string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for _, one := range texts {
		rest := []byte(one)
		for {
			var block *pem.Block
			block, rest = pem.Decode(rest)
			if block == nil {
				break
			}
			if block.Type != "CERTIFICATE" {
				continue
			}
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			found = append(found, parsed)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no certificate in the text")
	}
	return found, nil
}

// verified is nil when the chain leads from its first certificate, for that name, to the product's root.
func (s *session) verified(chain []*x509.Certificate, name string) error {
	root, err := os.ReadFile(s.server.CA)
	if err != nil {
		return err
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	for _, one := range chain[1:] {
		middle.AddCert(one)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: middle})
	return err
}

// opened lets openssl open a PKCS#12 file in base64; its key must be that of its first certificate.
func (s *session) opened(blob, password string) ([]*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.server.dir, "opened.pfx")
	if err := os.WriteFile(path, der, 0o600); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	openssl := exec.Command("openssl", "pkcs12", "-in", path, "-nodes", "-passin", "env:INTEROP_PASSWORD")
	openssl.Env = append(os.Environ(), "INTEROP_PASSWORD="+password)
	plain, err := openssl.Output()
	if err != nil {
		return nil, fmt.Errorf("openssl pkcs12: %w", err)
	}
	found, err := certificates(string(plain))
	if err != nil {
		return nil, err
	}
	for rest := plain; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("no private key in the file")
		}
		if block.Type != "PRIVATE KEY" {
			continue
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		public, err := x509.MarshalPKIXPublicKey(publicOf(key))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(public, found[0].RawSubjectPublicKeyInfo) {
			return nil, errors.New("the key is not that of the certificate")
		}
		return found, nil
	}
}

func publicOf(key any) any {
	if signer, ok := key.(crypto.Signer); ok {
		return signer.Public()
	}
	return nil
}
