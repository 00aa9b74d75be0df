package sql_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tourney/dataset/sql"
	"tourney/dataset/table"
)

func TestMain(m *testing.M) {
	sql.Main()
	os.Exit(m.Run())
}

// file writes a file into a directory of the test's own.
func file(t *testing.T, name, text string) sql.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return sql.File{Name: name, Path: path}
}

// open opens a request whose temporary directory must be empty after its end.
func open(t *testing.T, req sql.Request) table.Source {
	t.Helper()
	src, err := tryOpen(t, req)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func tryOpen(t *testing.T, req sql.Request) (table.Source, error) {
	t.Helper()
	if req.TempDir == "" {
		req.TempDir = t.TempDir()
	}
	src, err := sql.Open(t.Context(), req)
	t.Cleanup(func() {
		if src != nil {
			if err := src.Close(); err != nil {
				t.Error(err)
			}
		}
		left, err := os.ReadDir(req.TempDir)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return src, err
}

// dump returns the fields of a source and its rows, as texts.
func dump(t *testing.T, src table.Source) (string, []string) {
	t.Helper()
	var fields []string
	for _, f := range src.Fields() {
		fields = append(fields, f.Name+":"+[]string{"text", "number", "bool", "time", "sparse"}[f.Type])
	}
	var rows []string
	err := src.Scan(t.Context(), func(b *table.Batch) error {
		for row := range b.Rows {
			if want := int64(len(rows) + 1); b.Lines[row] != want {
				return fmt.Errorf("row %d is said to be %d", want, b.Lines[row])
			}
			rows = append(rows, strings.Join(texts(b, row), "|"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(fields, " "), rows
}

func texts(b *table.Batch, row int) []string {
	var list []string
	for i := range b.Columns {
		c := &b.Columns[i]
		switch {
		case c.Type == table.Text:
			list = append(list, string(c.Text(row)))
		case math.IsNaN(c.Numbers[row]):
			list = append(list, "-")
		default:
			list = append(list, strconv.FormatFloat(c.Numbers[row], 'f', -1, 64))
		}
	}
	return list
}

func TestJoin(t *testing.T) {
	src := open(t, sql.Request{
		Files: []sql.File{
			file(t, "shop/orders.csv", "id,customer,amount\n1,7,2.5\n2,8,NA\n3,7,4\n4,9,1\n"),
			file(t, "Customers.2026.csv", "id;name;since\n7;Ann ;2020-01-02\n8;Bo;1969-12-31\n"),
		},
		Query: "SELECT o.id, c.name, amount, since, amount > 3 AS big\nFROM orders o JOIN customers_2026 c ON c.id = o.customer ORDER BY o.id",
	})
	fields, rows := dump(t, src)
	if want := "id:number name:text amount:number since:time big:bool"; fields != want {
		t.Errorf("fields %s, want %s", fields, want)
	}
	want := []string{"1|Ann|2.5|1577923200|0", "2|Bo|-|-86400|-", "3|Ann|4|1577923200|1"}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}
