// Drives a server of its own with the vendor's published Go client library: its models, its ways to sign in.
//
// usage: interop PROGRAM     ends with the line `N passed, N failed`
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: interop PROGRAM")
		os.Exit(2)
	}
	program, err := filepath.Abs(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	runtime.LockOSThread()    // the server is to die with the thread that started it
	log.SetOutput(io.Discard) // the library logs its requests, with their passwords
	p, err := start(program)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	passed, failed := 0, 0
	count := func(name string, err error) {
		if err != nil {
			failed++
			fmt.Printf("FAILED  %s: %v\n", name, err)
			return
		}
		passed++
		fmt.Printf("ok      %s\n", name)
	}
	s := &session{server: p}
	for _, step := range steps {
		count(step.name, attempt(s, step.run))
	}
	for _, one := range perhaps {
		absent := false
		err := attempt(s, func(s *session) (err error) {
			absent, err = one.leftOut(s)
			return err
		})
		if absent {
			fmt.Printf("left out, answers 501: %s\n", one.name)
			continue
		}
		count(one.name, err)
	}
	count("the server ends well", p.stop())
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// attempt runs a step; one that finds nothing where something must be has failed, not the whole run.
func attempt(s *session, run func(*session) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return run(s)
}
