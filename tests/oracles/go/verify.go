package main

import (
	"bytes"
	"errors"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// question says whose log to verify, and which checkpoints of it were seen before.
type question struct {
	URL     string
	Vkey    string
	Earlier []string
}

// report is what was verified: every leaf is in, every tile is right, every earlier checkpoint is a prefix.
type report struct {
	Origin      string             `json:"origin"`
	Size        int64              `json:"size"`
	Root        tlog.Hash          `json:"root"`
	Leaves      [][]byte           `json:"leaves"`
	Tiles       []string           `json:"tiles"`
	Inclusion   []tlog.RecordProof `json:"inclusion"`
	Consistency []tlog.TreeProof   `json:"consistency"`
}

func verify(asked question) (*report, error) {
	key, err := note.NewVerifier(asked.Vkey)
	if err != nil {
		return nil, refuse("vkey", "%v", err)
	}
	log := newPublished(asked.URL)
	raw, err := log.get("checkpoint")
	if err != nil {
		return nil, err
	}
	tree, err := openCheckpoint(string(raw), key)
	if err != nil {
		return nil, err
	}
	found := &report{Origin: key.Name(), Size: tree.N, Root: tree.Hash}
	if found.Leaves, err = log.leaves(tree.N); err != nil {
		return nil, err
	}
	// First, because TileHashReader of x/mod 0.7 leaves out some tiles of the trees whose right edge has fewer tiles
	// than hashes: only after this does a proof that it read rest on tiles that are known to be right.
	if found.Tiles, err = rebuild(tree, log, found.Leaves); err != nil {
		return nil, err
	}
	tiles := tlog.TileHashReader(tree, log)
	if found.Inclusion, err = prove(tree, tiles, found.Leaves); err != nil {
		return nil, err
	}
	if found.Consistency, err = compare(tree, tiles, asked.Earlier, key); err != nil {
		return nil, err
	}
	return found, nil
}

// rebuild makes the whole tree from the leaves alone, and holds its root and every published tile against it.
func rebuild(tree tlog.Tree, log *published, leaves [][]byte) ([]string, error) {
	names := []string{}
	if tree.N == 0 {
		return names, nil
	}
	stored := []tlog.Hash{}
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := []tlog.Hash{}
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), leaf, own)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, own)
	if err != nil {
		return nil, err
	}
	if root != tree.Hash {
		return nil, refuse("leaves", "their root is %v", root)
	}
	for level := 0; tree.N>>(height*uint(level)) > 0; level++ {
		for _, tile := range tilesOf(tree.N, level) {
			expected, err := tlog.ReadTileData(tile, own)
			if err != nil {
				return nil, err
			}
			served, err := log.get(path(tile))
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(served, expected) {
				return nil, refuse("tile", "%s is not that of the leaves", path(tile))
			}
			names = append(names, path(tile))
		}
	}
	return names, nil
}

// prove takes a proof for every leaf from the tiles, and holds it against the root.
func prove(tree tlog.Tree, tiles tlog.HashReader, leaves [][]byte) ([]tlog.RecordProof, error) {
	proofs := []tlog.RecordProof{}
	for i, leaf := range leaves {
		proof, err := tlog.ProveRecord(tree.N, int64(i), tiles)
		if err != nil {
			return nil, as("tile", err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(leaf)); err != nil {
			return nil, refuse("inclusion", "leaf %d: %v", i, err)
		}
		proofs = append(proofs, proof)
	}
	return proofs, nil
}

// compare proves that each tree seen before is a prefix of this one.
func compare(tree tlog.Tree, tiles tlog.HashReader, earlier []string, key note.Verifier) ([]tlog.TreeProof, error) {
	proofs := []tlog.TreeProof{}
	for _, raw := range earlier {
		old, err := openCheckpoint(raw, key)
		if err != nil {
			return nil, err
		}
		if old.N > tree.N {
			return nil, refuse("consistency", "%d leaves were seen, now there are %d", old.N, tree.N)
		}
		proof := tlog.TreeProof{}
		if old.N > 0 {
			if proof, err = tlog.ProveTree(tree.N, old.N, tiles); err != nil {
				return nil, as("tile", err)
			}
			if err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
				return nil, refuse("consistency", "from %d to %d leaves: %v", old.N, tree.N, err)
			}
		}
		proofs = append(proofs, proof)
	}
	return proofs, nil
}

// as names the check that an error of package tlog is about, unless it is a refusal that came through it.
func as(check string, err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return err
	}
	return refuse(check, "%v", err)
}
