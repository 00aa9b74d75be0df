package ingest

// dateForm is a way to write dates.
type dateForm int

// The forms of dates that are told. All may be followed by a time of day,
// after a T or blanks: 15:04, 15:04:05, 15:04:05.678, with Z or an offset from
// UTC. Without one, the time is UTC.
const (
	isoDate    dateForm = iota // 2011-01-31
	slashDate                  // 2011/01/31
	dottedDate                 // 31.01.2011
	usDate                     // 01/31/2011
	euDate                     // 31/01/2011
	dateForms
)

// allDates has a bit for each form.
const allDates = 1<<dateForms - 1

var dateNames = [dateForms]string{"2006-01-31", "2006/01/31", "31.01.2006", "01/31/2006", "31/01/2006"}

// dateFits returns the forms that a text is a date in.
func dateFits(s []byte, among uint8) uint8 {
	if len(s) < len("1/1/2006") || len(s) > 40 || s[0]-'0' > 9 {
		return 0
	}
	fits := uint8(0)
	for f := range dateForms {
		if among&(1<<f) != 0 {
			if _, ok := parseDate(s, f); ok {
				fits |= 1 << f
			}
		}
	}
	return fits
}

// parseDate reads a date in that form, as seconds since 1970-01-01 00:00 UTC.
func parseDate(s []byte, form dateForm) (float64, bool) {
	p := dateParser{s: s, ok: true}
	var year, month, day int
	switch form {
	case isoDate, slashDate:
		sep := byte('-')
		if form == slashDate {
			sep = '/'
		}
		year = p.number(4, 4)
		p.byte(sep)
		month = p.number(1, 2)
		p.byte(sep)
		day = p.number(1, 2)
	case dottedDate, euDate, usDate:
		sep := byte('/')
		if form == dottedDate {
			sep = '.'
		}
		day = p.number(1, 2)
		p.byte(sep)
		month = p.number(1, 2)
		p.byte(sep)
		year = p.number(4, 4)
		if form == usDate {
			day, month = month, day
		}
	default:
		return 0, false
	}
	if !p.ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	seconds := float64(daysSince1970(year, month, day)) * 86400
	clock, ok := p.clock()
	return seconds + clock, ok
}

// dateParser reads a text from left to right until something does not fit.
type dateParser struct {
	s  []byte
	ok bool
}

// number reads a number of at least low and at most high digits.
func (p *dateParser) number(low, high int) int {
	v, n := 0, 0
	for n < high && n < len(p.s) && p.s[n]-'0' < 10 {
		v = v*10 + int(p.s[n]-'0')
		n++
	}
	p.ok = p.ok && n >= low
	p.s = p.s[n:]
	return v
}

// byte reads one character.
func (p *dateParser) byte(c byte) {
	if p.ok = p.ok && len(p.s) > 0 && p.s[0] == c; p.ok {
		p.s = p.s[1:]
	}
}

// clock reads what is left as a time of day, with its offset from UTC.
func (p *dateParser) clock() (seconds float64, ok bool) {
	if len(p.s) == 0 {
		return 0, true
	}
	if p.s[0] == 'T' {
		p.s = p.s[1:]
	} else {
		n := len(p.s)
		p.skipBlanks()
		p.ok = len(p.s) < n
	}
	hour := p.number(1, 2)
	p.byte(':')
	minute := p.number(2, 2)
	second, fraction := 0, 0.0
	if p.ok && len(p.s) > 0 && p.s[0] == ':' {
		p.byte(':')
		second = p.number(2, 2)
		fraction = p.fraction()
	}
	p.skipBlanks()
	offset := p.offset()
	if !p.ok || len(p.s) > 0 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return float64(hour*3600+minute*60+second-offset) + fraction, true
}

func (p *dateParser) skipBlanks() {
	for len(p.s) > 0 && p.s[0] == ' ' {
		p.s = p.s[1:]
	}
}

// fraction reads the part of a second, to the nanosecond.
func (p *dateParser) fraction() float64 {
	if !p.ok || len(p.s) == 0 || p.s[0] != '.' {
		return 0
	}
	p.byte('.')
	n := len(p.s)
	v := p.number(1, 9)
	scale := powers[n-len(p.s)]
	for len(p.s) > 0 && p.s[0]-'0' < 10 {
		p.s = p.s[1:]
	}
	return float64(v) / scale
}

// offset reads Z, UTC, +02:00, +0200, +02 or nothing, in seconds.
func (p *dateParser) offset() int {
	switch {
	case !p.ok || len(p.s) == 0:
		return 0
	case string(p.s) == "Z" || string(p.s) == "UTC":
		p.s = nil
		return 0
	case p.s[0] != '+' && p.s[0] != '-':
		p.ok = false
		return 0
	}
	sign := 1
	if p.s[0] == '-' {
		sign = -1
	}
	p.s = p.s[1:]
	hours, minutes := p.number(2, 2), 0
	if len(p.s) > 0 && p.s[0] == ':' {
		p.s = p.s[1:]
		minutes = p.number(2, 2)
	} else if len(p.s) > 0 {
		minutes = p.number(2, 2)
	}
	p.ok = p.ok && hours <= 14 && minutes <= 59
	return sign * (hours*3600 + minutes*60)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts days of the Gregorian calendar. Years are taken to
// begin in March, so that the leap day is the last of its year; a cycle of 400
// years has 146,097 days, and 719,468 are from March of year 0 to 1970.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	cycle := year / 400
	if year < 0 {
		cycle = (year - 399) / 400
	}
	inCycle := year - cycle*400
	inYear := (153*(month-3)+2)/5 + day - 1
	return cycle*146097 + inCycle*365 + inCycle/4 - inCycle/100 + inYear - 719468
}
