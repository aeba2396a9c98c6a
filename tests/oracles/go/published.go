package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height   = 8 // of C2SP's tiles, fixed
	width    = 1 << height
	entries  = -1 // the level of the leaves themselves
	maxBytes = 32 << 20
)

// published is a log as static files; it is the tlog.TileReader that reads them, and believes none.
type published struct {
	url    string
	client *http.Client
	kept   map[string][]byte
}

func newPublished(url string) *published {
	return &published{strings.TrimSuffix(url, "/"), &http.Client{Timeout: 20 * time.Second}, map[string][]byte{}}
}

// path is where C2SP tlog-tiles publishes a tile: that of package tlog without the height, and with another name for
// the leaves.
func path(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
	if t.L == entries {
		rest = "entries/" + strings.TrimPrefix(rest, "data/")
	}
	return "tile/" + rest
}

// tilesOf lists every tile of one level of a tree, left to right.
func tilesOf(size int64, level int) []tlog.Tile {
	count := size
	if level > 0 {
		count = size >> (height * uint(level))
	}
	tiles := []tlog.Tile{}
	for n := int64(0); n*width < count; n++ {
		tile := tlog.Tile{H: height, L: level, N: n, W: width}
		if left := count - n*width; left < width {
			tile.W = int(left)
		}
		tiles = append(tiles, tile)
	}
	return tiles
}

// get fetches one file; each only once, so that every check is made of the same bytes.
func (p *published) get(name string) ([]byte, error) {
	if found, ok := p.kept[name]; ok {
		return found, nil
	}
	response, err := p.client.Get(p.url + "/log/" + name)
	if err != nil {
		return nil, refuse("fetch", "%v", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refuse("fetch", "%s: %s", name, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes))
	if err != nil {
		return nil, refuse("fetch", "%s: %v", name, err)
	}
	p.kept[name] = body
	return body, nil
}

// leaves fetches every leaf of a tree.
func (p *published) leaves(size int64) ([][]byte, error) {
	leaves := [][]byte{}
	for _, tile := range tilesOf(size, entries) {
		raw, err := p.get(path(tile))
		if err != nil {
			return nil, err
		}
		rest := bytes.NewBuffer(raw)
		for i := 0; i < tile.W; i++ {
			prefix := rest.Next(2)
			if len(prefix) < 2 || rest.Len() < int(binary.BigEndian.Uint16(prefix)) {
				return nil, refuse("entries", "%s is cut short", path(tile))
			}
			leaves = append(leaves, rest.Next(int(binary.BigEndian.Uint16(prefix))))
		}
		if rest.Len() > 0 {
			return nil, refuse("entries", "%s has %d bytes left over", path(tile), rest.Len())
		}
	}
	return leaves, nil
}

func (p *published) Height() int { return height }

func (p *published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := [][]byte{}
	for _, tile := range tiles {
		raw, err := p.get(path(tile))
		if err != nil {
			return nil, err
		}
		if len(raw) != tile.W*tlog.HashSize {
			return nil, refuse("tile", "%s has %d bytes", path(tile), len(raw))
		}
		read = append(read, raw)
	}
	return read, nil
}

// SaveTiles is told which tiles stood the checks; nothing outlives this process.
func (p *published) SaveTiles([]tlog.Tile, [][]byte) {}
