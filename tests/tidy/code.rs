//! A file as the rules see it: its tokens, without comments, literals and tests, and the paths that
//! stand among them. It knows as much of the language as that takes.

/// A word (an identifier or a number) or a single sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path as it was written out, `use` trees unfolded: `["crate", "page", "Page"]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CodePath {
    pub(crate) parts: Vec<String>,
    pub(crate) line: usize,
    /// In a `use`; else somewhere in the code.
    pub(crate) imported: bool,
    /// How many `mod name { }` stand around it.
    pub(crate) depth: usize,
}

/// A line `mod name;`.
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) for_tests: bool,
}

pub(crate) fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The tokens outside comments and literals.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = literal_end(&chars, at).unwrap_or_else(|| {
            let mut end = at + 1;
            let wordy = |c: char| c.is_alphanumeric() || c == '_';
            if wordy(chars[at]) {
                end += chars[end..].iter().take_while(|c| wordy(**c)).count();
            }
            if !chars[at].is_whitespace() {
                tokens.push(Token { text: chars[at..end].iter().collect(), line });
            }
            end
        });
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

/// Where the comment or literal (or lifetime) that begins at `at` ends; `None` if none begins there.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    let starts = |start: &str| start.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c));
    if starts("//") {
        return Some(at + rest.iter().take_while(|c| **c != '\n').count());
    }
    if starts("/*") {
        let (mut depth, mut i) = (0, 0);
        while i < rest.len() {
            match (rest[i], rest.get(i + 1)) {
                ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
                ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
                _ => i += 1,
            }
            if depth == 0 {
                break;
            }
        }
        return Some(at + i);
    }
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| starts(prefix))?;
    let after = prefix.len();
    if prefix.ends_with('r') {
        let hashes = rest[after..].iter().take_while(|c| **c == '#').count();
        if rest.get(after + hashes) != Some(&'"') {
            return None;
        }
        let close: Vec<char> = format!("\"{}", "#".repeat(hashes)).chars().collect();
        let body = after + hashes + 1;
        let length = rest[body..].windows(close.len()).position(|window| window == close);
        return Some(length.map_or(chars.len(), |length| at + body + length + close.len()));
    }
    match (rest.get(after)?, rest.get(after + 1), rest.get(after + 2)) {
        ('"', ..) => Some(at + quoted_end(rest, after)),
        ('\'', Some('\\'), _) | ('\'', Some(_), Some('\'')) => Some(at + quoted_end(rest, after)),
        ('\'', ..) if prefix.is_empty() => Some(at + 1),
        _ => None,
    }
}

/// Behind the quote that closes the one at `open`.
fn quoted_end(chars: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < chars.len() && chars[at] != chars[open] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Takes out every `#[cfg(.. test ..)] mod name { .. }`. Whoever is compiled `not(test)` stays.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let end = test_module_end(tokens, at).unwrap_or(at);
        if end == at {
            kept.push(tokens[at].clone());
        }
        at = end.max(at + 1);
    }
    kept
}

fn test_module_end(tokens: &[Token], at: usize) -> Option<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let close = attribute_end(tokens, at)?;
    let mut item = close;
    if text(item) == "pub" {
        item += 1;
        item = if text(item) == "(" { closing(tokens, item) } else { item };
    }
    let is_module = text(item) == "mod" && text(item + 2) == "{";
    (is_module && is_for_tests(&tokens[at..close])).then(|| closing(tokens, item + 2))
}

/// Behind the `]` of the attribute that begins at `at`, and of all that follow it.
fn attribute_end(tokens: &[Token], at: usize) -> Option<usize> {
    let mut end = at;
    while tokens.get(end)?.text == "#" && tokens.get(end + 1)?.text == "[" {
        end = closing(tokens, end + 1);
    }
    (end > at).then_some(end)
}

/// Behind the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn is_for_tests(attributes: &[Token]) -> bool {
    let texts: Vec<_> = attributes.iter().map(|token| token.text.as_str()).collect();
    let has = |words: &[&str]| texts.windows(words.len()).any(|window| window == words);
    has(&["cfg", "("]) && has(&["test"]) && !has(&["not", "(", "test"]) && !has(&["any"])
}

/// The modules that lie in files of their own.
pub(crate) fn declared(tokens: &[Token]) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut attributes = 0..0;
    for (at, token) in tokens.iter().enumerate() {
        if at >= attributes.end
            && let Some(end) = attribute_end(tokens, at)
        {
            attributes = at..end;
        }
        if let [name, end, ..] = &tokens[at + 1..]
            && token.text == "mod"
            && end.text == ";"
        {
            // Between an attribute and the `mod` stands at most a `pub(crate)`.
            let near = at - attributes.end.min(at) <= 4;
            let for_tests = near && is_for_tests(&tokens[attributes.clone()]);
            found.push(Declared { name: name.text.clone(), for_tests });
            attributes = 0..0;
        }
    }
    found
}

/// Every path that has more than one part or is imported.
pub(crate) fn paths(tokens: &[Token]) -> Vec<CodePath> {
    let mut paths = Vec::new();
    let mut inline_mods: Vec<usize> = Vec::new();
    let (mut at, mut braces) = (0, 0);
    while at < tokens.len() {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        match text(at) {
            "{" => {
                braces += 1;
                if at >= 2 && text(at - 2) == "mod" {
                    inline_mods.push(braces);
                }
            }
            "}" => {
                inline_mods.retain(|depth| *depth < braces);
                braces -= 1;
            }
            _ => {}
        }
        let imported = text(at) == "use" && text(at + 1) != "<";
        let start = at + usize::from(imported);
        let continued = at >= 1 && text(at - 1) == ".";
        let qualified = text(start + 1) == ":" && text(start + 2) == ":";
        if imported || (is_word(text(at)) && !continued && qualified) {
            let from = paths.len();
            at = tree(tokens, start, &[], &mut paths).max(at + 1);
            for path in &mut paths[from..] {
                (path.imported, path.depth) = (imported, inline_mods.len());
            }
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one `use` tree or path from `at` on; gives where it ends.
fn tree(tokens: &[Token], mut at: usize, before: &[String], paths: &mut Vec<CodePath>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut parts = before.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match text(at) {
            ":" => at += 1,
            "{" => {
                at += 1;
                while at < tokens.len() && text(at) != "}" {
                    let end = tree(tokens, at, &parts, paths);
                    at = if text(end) == "," { end + 1 } else { end.max(at + 1) };
                }
                return at + 1;
            }
            "*" => {
                parts.push("*".into());
                at += 1;
                break;
            }
            word if is_word(word) => {
                parts.push(word.into());
                at += 1;
                if text(at) != ":" || text(at + 1) != ":" {
                    break;
                }
                // `Vec::<u8>::new` goes on in angle brackets, which may hold paths of their own.
                if !(is_word(text(at + 2)) || ["{", "*"].contains(&text(at + 2))) {
                    break;
                }
            }
            _ => break,
        }
    }
    if text(at) == "as" {
        at += 2;
    }
    if !parts.is_empty() {
        paths.push(CodePath { parts, line, imported: false, depth: 0 });
    }
    at
}
