//! Syntaxes in which a credential must be found. Takes a sample, gives a text and where the sample stands in it.

/// One way to write a secret down.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// Its name in errors.
    pub name: &'static str,
    /// The text, `\0` where the secret stands.
    template: &'static str,
    /// Bytes that would have to be escaped here; a sample with one of them is not tried.
    unsafe_bytes: &'static str,
}

const fn syntax(name: &'static str, template: &'static str, unsafe_bytes: &'static str) -> Syntax {
    Syntax { name, template, unsafe_bytes }
}

/// Quotes and what else ends or escapes a string in most languages.
const IN_STRING: &str = "\"'`\\\n\r$#{}";

/// All of them.
pub const SYNTAXES: &[Syntax] = &[
    syntax("env", "API_TOKEN=\0\nNEXT=1\n", "\"' \\\n$#"),
    syntax("export", "export API_TOKEN=\"\0\"\n", IN_STRING),
    syntax("JSON", "{\"token\": \"\0\", \"other\": 1}", IN_STRING),
    syntax("JSON without spaces", "{\"token\":\"\0\",\"other\":1}", IN_STRING),
    syntax("YAML", "auth:\n  token: \0\n  user: me\n", "\"'\n\\:#{}[]&*!|>%@` "),
    syntax("YAML with quotes", "token: '\0' # the token\n", IN_STRING),
    syntax("TOML", "[auth]\ntoken = \"\0\"\n", IN_STRING),
    syntax("INI", "[auth]\ntoken=\0\r\nuser=me\r\n", "\"'\n;# \\"),
    syntax("properties", "auth.token=\0\nauth.user=me\n", "\\\n:=#! "),
    syntax("XML attribute", "<auth token=\"\0\" user=\"me\"/>", "\"<>&\n'"),
    syntax("XML element", "<token>\0</token>", "<>&\n"),
    syntax("Go", "const token = \"\0\"\n", IN_STRING),
    syntax("Java", "    private static final String TOKEN = \"\0\";\n", IN_STRING),
    syntax("Python", "client = Client(token='\0', retries=3)\n", IN_STRING),
    syntax("JavaScript", "const token = `\0`;\n", IN_STRING),
    syntax("Ruby", "  config.token = '\0'\n", IN_STRING),
    syntax("PHP", "define('TOKEN', '\0');\n", IN_STRING),
    syntax("C#", "var client = new Client(\"\0\");\n", IN_STRING),
    syntax("Rust", "const TOKEN: &str = \"\0\";\n", IN_STRING),
    syntax("shell argument", "tool login --token \0 --quiet\n", "\"'\\\n $#&|;<>()*?!`{}[]"),
    syntax("curl header", "curl -H \"Authorization: Bearer \0\" https://host.example/\n", IN_STRING),
    syntax("URL query", "GET /v1/items?token=\0&page=2 HTTP/1.1\n", "\"'\n &#?%+=/<>\\:@"),
    syntax("log line", "2024-05-01T12:00:00Z INFO using token \0, retrying\n", "\n \","),
    syntax("Dockerfile", "FROM scratch\nENV TOKEN=\0\nCMD [\"run\"]\n", "\"'\\\n $#"),
    syntax("Terraform", "variable \"token\" {\n  default = \"\0\"\n}\n", IN_STRING),
    syntax("Markdown", "Set `\0` as the token.\n", "`\n"),
    syntax("SQL", "INSERT INTO keys VALUES (1, '\0');\n", "'\\\n"),
    syntax("JSON in a string", "\"{\\\"token\\\":\\\"\0\\\",\\\"a\\\":1}\"", IN_STRING),
    syntax("escaped newlines", "\"first\\n\0\\nlast\"", IN_STRING),
    syntax("end of the file", "\0", ""),
];

impl Syntax {
    /// The text and the offset of the sample in it; `None` if the sample would have to be escaped.
    #[must_use]
    pub fn wrap(&self, sample: &[u8]) -> Option<(Vec<u8>, usize)> {
        if sample.iter().any(|b| self.unsafe_bytes.as_bytes().contains(b)) {
            return None;
        }
        let (before, after) = self.template.split_once('\0')?;
        Some(([before.as_bytes(), sample, after.as_bytes()].concat(), before.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_has_one_place() {
        for syntax in SYNTAXES {
            assert_eq!(syntax.template.matches('\0').count(), 1, "{}", syntax.name);
            let (text, at) = syntax.wrap(b"abc").unwrap();
            assert_eq!(&text[at..at + 3], b"abc");
        }
        assert!(SYNTAXES.iter().filter(|syntax| syntax.wrap(b"a\"b").is_none()).count() > 10);
    }
}
