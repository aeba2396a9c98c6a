// Command logreader reads a hub's log as a stranger does, with Go's packages for transparency logs instead of ours.
//
//	logreader verify    {"url":…,"vkey":…,"earlier":[note…]} → what it verified, or {"refused":check,"why":…} and status 1
//	logreader paths     [{"level":0,"n":1234,"width":5},…] → the paths of these tiles
//
// JSON goes in on standard input and comes out on standard output; status 2 is a fault of the caller.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// A refusal says which check the log did not pass.
type refusal struct {
	Check string `json:"refused"`
	Why   string `json:"why"`
}

func (r *refusal) Error() string { return r.Check + ": " + r.Why }

// refuse makes a refusal; like fmt.Errorf, after the name of the check.
func refuse(check, format string, args ...any) error {
	return &refusal{check, fmt.Sprintf(format, args...)}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout))
}

func run(args []string, in io.Reader, out io.Writer) int {
	answer, err := obey(args, json.NewDecoder(in))
	status := 0
	var refused *refusal
	if errors.As(err, &refused) {
		answer, status = refused, 1
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "logreader:", err)
		return 2
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, "logreader:", err)
		return 2
	}
	return status
}

func obey(args []string, in *json.Decoder) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: logreader verify|paths < JSON")
	}
	switch args[0] {
	case "verify":
		var asked question
		if err := in.Decode(&asked); err != nil {
			return nil, err
		}
		return verify(asked)
	case "paths":
		var asked []struct {
			Level int
			N     int64
			Width int
		}
		if err := in.Decode(&asked); err != nil {
			return nil, err
		}
		paths := []string{}
		for _, a := range asked {
			paths = append(paths, path(tlog.Tile{H: height, L: a.Level, N: a.N, W: a.Width}))
		}
		return paths, nil
	}
	return nil, fmt.Errorf("no such command: %s", args[0])
}
