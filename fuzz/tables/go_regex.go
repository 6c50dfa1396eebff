// Writes what Go makes of regular expressions: `go run go_regex.go [ROWS [SEED]] > go_regex.jsonl`.
//
// A row is an expression, a text, and the first match in it: `m` is missing where there is none, and the row has an
// `error` where Go refuses the expression. Expressions are made of pieces in which the two engines could differ.
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"regexp"
	"strconv"
	"strings"
)

type row struct {
	Pattern string `json:"p"`
	Text    string `json:"t,omitempty"`
	Match   []int  `json:"m,omitempty"`
	Error   string `json:"error,omitempty"`
}

var atoms = []string{
	"a", "b", "K", "é", "ſ", "1", "_", "-", " ", ".", "^", "$", `\A`, `\z`, `\b`, `\B`, `\d`, `\D`, `\w`, `\W`, `\s`, `\S`,
	`\pL`, `\p{Greek}`, `\P{L}`, `\p{^Lu}`, `\P{^Lu}`, `\p{Lu}`, `\pN`, `\PN`, `\x41`, `\x{1F600}`, `\012`, `\07`, `\0`, `\a`, `\f`, `\n`, `\r`, `\t`, `\v`, `\.`, `\\`, `\-`, `\_`,
	`\/`, `\#`, `\ `, `\@`, `\'`, `\"`, `\<`, `\>`, `\&`, `\~`, `\Z`, `\G`, `\C`, `\1`, `\8`, `\e`, `\E`, `\h`, `\Qa.b\E`, `\Q+`, `\QE\E*`, "{", "}", "]", "[a-c]", "[^a-c]", "[]a]", "[^]a]", "[a-]", "[-a]", "[a-b-c]",
	`[\d-z]`, `[a-\d]`, `[\w.-]`, `[\W]`, `[^\W]`, `[\s\S]`, `[^\s]`, `[[:alpha:]]`, `[[:^digit:]]`, `[^[:space:]]`, `[[:word:]_]`, `[[:foo:]]`, `[[a]`, `[a&&b]`, `[a~~b]`, `[a--b]`, `[+--]`, `[\]\\]`, `[\x41-\x{43}]`, `[\pL\d]`, `[^\PL]`,
	`[\n]`, `[\b]`, `[\a]`, `[z-a]`, `[]`, `[^]`, "[a", `[\Qa\E]`, `[[.a.]]`, `[[=a=]]`, `[a\]`, "[é-ü]", "[K]", "[ſ]", `[\012]`, `[\-a]`, `[a-é]`, `[^\n]`, `[.]`, `[$^]`, `[(|)]`, "[#]", "[ ]",
	"a{2}", "a{,2}", "a{2,}", "a{1,2}", "a{02}", "a{2,1}", "a{1000}", "a{1001}", "(a{9})", "(?:b{7}|c)", "{20}", "{100}", "{3,}", "{0}", "a{", "a{1", "a{1,", "a{x}", "{1}", "a{2}{3}", "(a{2}){3}", "a{0}", "a{1}?", "a{-1}",
	"(", ")", "()", "(a)", "(?:a)", "(?i)", "(?i:K)", "(?i-s:a)", "(?-i)", "(?s).", "(?m)^", "(?m)$", "(?U)a+", "(?U:a+?)", "(?P<n>a)", "(?<n>a)", "(?P<n>", "(?P<>a)", "(?P<n a>b)", "(?P=n)", "(?x)a b", "(?u)a", "(?=a)", "(?!a)",
	"(?<=a)", "(?#a)", "(?>a)", "(?", "(?i", "(?i)(?-i)a", "(?is)", "(?i-)", "(?--i)", "(?)", "(?i-)a", "(?:)", "(?^i)", "(?P>n)", "(?'n'a)", "(?i)ſ", "(?i)k", "(?i)é", "(?i)[k]", "(?i)[^k]", `(?i)\x{212A}`,
	"|", "a|b", "|a", "a||b", "*", "+", "?", "*?", "+?", "??", "**", "+*", "a**", "a+?", "a*?", "a?+", "(a*)*", "(a|b)*", "^*", `\b+`, "$?", "(?:^)*",
}

var texts = []string{
	"", "a", "b", "ab", "aaab", "ABC", "k", "K", "\u212a", "ſ", "s", "é", "É", "a\nb", "\n", "a\n", "\na", " a b ", "a-b", "a_b", "1a2", "٣", "Ω", "αβ", "😀", "a.b", "a+b", "[a]", "]", "{", "}", "a{", "a{1}", "a{,2}",
	"a{02}", "\\", "/", "#", "&", "~", "a&&b", "^", "$", "(", "|", "\t", "\r\n", "\v", "\f", "\a", "\x00", "\x01", "-", "--", "+,-", "aa", "aaaa", "aaaaaa", "bca", "xyz", "Zz9", "a b", "\u00a0", "\u2028", "\u0085", "E", "Q", "<a>", "'@", "foo bar", "né", "ünï",
}

func add(out *json.Encoder, seen map[string]bool, pattern, text string) bool {
	key := pattern + "\x00" + text
	if seen[key] {
		return false
	}
	seen[key] = true
	line := row{Pattern: pattern, Text: text}
	re, err := regexp.Compile(pattern)
	if err != nil {
		if seen[pattern] {
			return false
		}
		seen[pattern] = true
		line.Text, line.Error = "", strings.SplitN(strings.TrimPrefix(err.Error(), "error parsing regexp: "), ":", 2)[0]
	} else if m := re.FindStringIndex(text); m != nil {
		line.Match = m
	}
	if err := out.Encode(line); err != nil {
		panic(err)
	}
	return true
}

func main() {
	rows, seed := 2200, int64(1)
	if len(os.Args) > 1 {
		rows, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		seed, _ = strconv.ParseInt(os.Args[2], 10, 64)
	}
	random := rand.New(rand.NewSource(seed))
	writer := bufio.NewWriter(os.Stdout)
	defer writer.Flush()
	out := json.NewEncoder(writer)
	out.SetEscapeHTML(false)
	seen := map[string]bool{}
	pick := func(from []string) string { return from[random.Intn(len(from))] }
	written := 0
	// each piece by itself, with texts that it may match
	for _, atom := range atoms {
		for i := 0; i < 3 && written < rows; i++ {
			if add(out, seen, atom, pick(texts)) {
				written++
			}
		}
	}
	for written < rows {
		pattern := ""
		for n := 1 + random.Intn(4); n > 0; n-- {
			pattern += pick(atoms)
		}
		text := pick(texts)
		if random.Intn(2) == 0 {
			text += pick(texts)
		}
		if add(out, seen, pattern, text) {
			written++
		}
	}
}
