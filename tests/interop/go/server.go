package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/Keyfactor/keyfactor-auth-client-go/auth_providers"
	sdk "github.com/Keyfactor/keyfactor-go-client-sdk/v25"
)

// product is a `chancery serve --dev` of our own, on ports that the system gave it.
type product struct {
	dir     string
	command *exec.Cmd
	ended   chan error
	URL     string `json:"url"`
	CA      string `json:"ca"`
	User    string `json:"user"`
	// Password and ClientSecret live as long as this server.
	Password     string `json:"password"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// start runs the program in a temporary directory and waits for its ready file.
func start(program string) (*product, error) {
	dir, err := os.MkdirTemp("", "chancery-interop-go-")
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &product{dir: dir, ended: make(chan error, 1), command: exec.Command(program, "serve", "--dev",
		"--data-dir", filepath.Join(dir, "data"), "--db", "sqlite:"+filepath.Join(dir, "chancery.db"),
		"--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ready-file", ready)}
	p.command.Dir, p.command.Stdout, p.command.Stderr = dir, log, log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.command.Wait() }()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-p.ended:
			return nil, fmt.Errorf("the server ended: %v, see %s", err, log.Name())
		default:
		}
		if text, err := os.ReadFile(ready); err == nil && json.Unmarshal(text, p) == nil {
			return p, nil
		}
	}
	_ = p.command.Process.Kill()
	return nil, fmt.Errorf("no ready file within 60 s, see %s", log.Name())
}

// stop ends the server by its process id; it must end well within 40 s.
func (p *product) stop() error {
	defer os.RemoveAll(p.dir)
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		return err
	case <-time.After(40 * time.Second):
		_ = p.command.Process.Kill()
		return fmt.Errorf("process %d did not end within 40 s of SIGTERM", p.command.Process.Pid)
	}
}

// config is what the client library wants to know of a server; its host carries the port.
func (p *product) config() *auth_providers.Server {
	return &auth_providers.Server{Host: strings.TrimSuffix(strings.TrimPrefix(p.URL, "https://"), "/"),
		APIPath: "KeyfactorAPI", CACertPath: p.CA}
}

// basic signs in with a name and a password.
func (p *product) basic(password string) (*sdk.APIClient, error) {
	c := p.config()
	c.Username, c.Password = p.User, password
	return sdk.NewAPIClient(c)
}

// oauth signs in with client credentials, for which the library itself fetches a token.
func (p *product) oauth(secret string) (*sdk.APIClient, error) {
	c := p.config()
	c.ClientID, c.ClientSecret = p.ClientID, secret
	c.OAuthTokenUrl = strings.TrimSuffix(p.URL, "/") + "/KeyfactorAPI/OAuth/Token"
	return sdk.NewAPIClient(c)
}
