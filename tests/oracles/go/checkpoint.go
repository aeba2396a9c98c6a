package main

import (
	"crypto/sha256"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// openCheckpoint verifies a signed note under the log's key and reads the tree in it (C2SP tlog-checkpoint).
// Package tlog has a parser too, but only for the one text that Go's own checksum database begins with.
func openCheckpoint(raw string, key note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open([]byte(raw), note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, refuse("checkpoint", "%v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, refuse("checkpoint", "not a checkpoint of %s", key.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, refuse("checkpoint", "the size is no decimal number: %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, refuse("checkpoint", "the root is no hash: %v", err)
	}
	// Package tlog leaves the tree without leaves undefined; RFC 6962 section 2.1 does not.
	if size == 0 && root != sha256.Sum256(nil) {
		return tlog.Tree{}, refuse("checkpoint", "another root than that of no leaves")
	}
	return tlog.Tree{N: size, Hash: root}, nil
}
