package ingest_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0": 0, "7": 7, "+7": 7, "-12.50": -12.5, ".5": 0.5, "5.": 5, "0.1": 0.1, "1e3": 1000, "1E-2": 0.01, "-1.5e+2": -150,
		"999999999999999": 999999999999999, "0.30000000000000004": 0.30000000000000004, "1.7976931348623157e308": math.MaxFloat64,
		"9007199254740993.0": 9007199254740992, "123456789.123456789": 123456789.12345679, "1e-400": 0,
	} {
		if got, ok := ingest.ParseNumber([]byte(text)); !ok || got != want || math.Signbit(got) && got == 0 {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "-", "+", ".", "e5", "1e", "1e+", "0x1f", "1_000", "1,000", "inf", "NaN", "1 2", "12e45678", "1e309", "00123", "-007", "00",
		"1234567890123456", "20-digit", "12345678901234567890", "１",
	} {
		if got, ok := ingest.ParseNumber([]byte(text)); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// What is taken for a number is what strconv reads, and all that has its form
// is taken.
func FuzzNumber(f *testing.F) {
	form := regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	code := regexp.MustCompile(`^[+-]?(0[0-9]+|[0-9]{16,})$`)
	for _, s := range []string{"1.5", "-0", "1e22", "9007199254740993", "0.000001e-300", "123456789012345678901.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := ingest.ParseNumber([]byte(s))
		want, err := strconv.ParseFloat(s, 64)
		takes := err == nil && form.MatchString(s) && !code.MatchString(s)
		if ok != takes || ok && (v != want || v == 0 && math.Signbit(v)) {
			t.Errorf("%q is %v, %v; want %v, %v", s, v, ok, want, takes)
		}
	})
}

func TestDates(t *testing.T) {
	day := func(y, m, d, hh, mm, ss int) float64 {
		return float64(time.Date(y, time.Month(m), d, hh, mm, ss, 0, time.UTC).Unix())
	}
	for _, tt := range []struct {
		text  string
		want  float64
		forms int
	}{
		{"2011-01-31", day(2011, 1, 31, 0, 0, 0), 1},
		{"2012-02-29", day(2012, 2, 29, 0, 0, 0), 1},
		{"1900-03-01", day(1900, 3, 1, 0, 0, 0), 1},
		{"0001-01-01", day(1, 1, 1, 0, 0, 0), 1},
		{"2011-01-31T12:34", day(2011, 1, 31, 12, 34, 0), 1},
		{"2011-01-31 12:34:56", day(2011, 1, 31, 12, 34, 56), 1},
		{"2011-01-31T12:34:56.25Z", day(2011, 1, 31, 12, 34, 56) + 0.25, 1},
		{"2011-01-31T00:30:00+02:00", day(2011, 1, 30, 22, 30, 0), 1},
		{"2011-01-31T00:30:00-0330", day(2011, 1, 31, 4, 0, 0), 1},
		{"2011/01/31", day(2011, 1, 31, 0, 0, 0), 1},
		{"31.01.2011", day(2011, 1, 31, 0, 0, 0), 1},
		{"1/31/2011 9:05", day(2011, 1, 31, 9, 5, 0), 1},
		{"31/1/2011", day(2011, 1, 31, 0, 0, 0), 1},
		{"01/02/2011", 0, 2},
	} {
		got := ingest.ParseDate([]byte(tt.text))
		if len(got) != tt.forms || ingest.DateFits([]byte(tt.text)) != tt.forms {
			t.Errorf("%q has the forms %v, want %d", tt.text, got, tt.forms)
		}
		for form, v := range got {
			if tt.forms == 1 && v != tt.want {
				t.Errorf("%q as %s is %v, want %v", tt.text, form, v, tt.want)
			}
		}
	}
	for _, text := range []string{
		"2011-02-29", "2011-13-01", "2011-00-10", "2011-1-32", "20110131", "2011-01", "11-01-31", "2011-01-31T", "2011-01-31T25:00",
		"2011-01-31 12", "2011-01-31T12:60", "2011-01-31T12:00+15:00", "2011-01-31x", "31.13.2011", "2011-01/31", "2011-01-31T12:00:00.", "+2011-01-01",
	} {
		if got := ingest.ParseDate([]byte(text)); len(got) > 0 {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// The days of four centuries, and years far off, are those of package time.
func TestCalendar(t *testing.T) {
	for d := time.Date(1799, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2201; d = d.AddDate(0, 0, 1) {
		if got := ingest.ParseDate([]byte(d.Format(time.DateOnly)))["2006-01-31"]; got != float64(d.Unix()) {
			t.Fatalf("%s is %v, want %d", d.Format(time.DateOnly), got, d.Unix())
		}
	}
}

// What is taken for an ISO date with offset is what package time reads.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"2011-01-31T12:34:56Z", "1969-12-31T23:59:59.123456789+01:00", "0000-01-01T00:00:00Z", "12/31/1999", "2011-01-31 1:02"} {
		f.Add(s)
	}
	offset := regexp.MustCompile(`(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$`)
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ingest.ParseDate([]byte(s))["2006-01-31"]
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || strings.Contains(s, ",") || !offset.MatchString(s) {
			return
		}
		if exact := float64(want.Unix()) + float64(want.Nanosecond())/1e9; !ok || math.Abs(got-exact) > 1e-3 {
			t.Errorf("%q is %v, %v; want %v", s, got, ok, exact)
		}
	})
}

func TestMissing(t *testing.T) {
	for _, s := range []string{"", "NA", "N/A", "?", "null", "None", "NaN", "nan", "NULL", `\N`, "<NA>"} {
		if !ingest.IsMissing([]byte(s)) {
			t.Errorf("%q is taken for a value", s)
		}
	}
	for _, s := range []string{"0", "-", "no", "none of these", "Nan", "N", "??"} {
		if ingest.IsMissing([]byte(s)) {
			t.Errorf("%q is taken for missing", s)
		}
	}
}

// Below its bound the sketch counts exactly; above it, with 4,096 to 8,192
// values kept, it is off by more than five times 1/√4096 with a chance below
// one in a million. What it keeps does not depend on the order.
func TestDistinct(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, values := range []int{1, 100, 8192, 8193, 50_000, 400_000} {
		var hashes []uint64
		for i := range values {
			h := table.Hash([]byte(strconv.Itoa(i)))
			hashes = append(hashes, h)
			if i%2 == 0 {
				hashes = append(hashes, h)
			}
		}
		n, repeats, exact := ingest.Distinct(8192, hashes)
		rng.Shuffle(len(hashes), func(i, j int) { hashes[i], hashes[j] = hashes[j], hashes[i] })
		if again, same, _ := ingest.Distinct(8192, hashes); again != n || same != repeats {
			t.Errorf("%d values, %d in another order", n, again)
		}
		if exact != (values <= 8192) || exact && (n != values || repeats != int64(values+1)/2) {
			t.Errorf("%d values and %d repeats (exactly: %v) of %d", n, repeats, exact, values)
		}
		if off := math.Abs(float64(n)/float64(values) - 1); off > 5/math.Sqrt(4096) {
			t.Errorf("about %d of %d values", n, values)
		}
	}
}
