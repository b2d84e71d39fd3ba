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

/// One way to give a value to a name.
#[derive(Clone, Copy, Debug)]
pub struct NamedSyntax {
    /// Its name in errors.
    pub name: &'static str,
    /// The text: `\u{1}` where the name stands, `\0` where the secret stands.
    template: &'static str,
    spelling: Spelling,
    /// Bytes that would have to be escaped here; a sample with one of them is not tried.
    unsafe_bytes: &'static str,
}

/// How the words of a name are joined.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// `ACME_API_KEY`
    Upper,
    /// `acme_api_key`
    Snake,
    /// `acme-api-key`
    Kebab,
    /// `acme.api.key`
    Dotted,
    /// `acmeApiKey`
    Camel,
    /// `AcmeApiKey`
    Pascal,
    /// `Acme-Api-Key`
    Train,
}

impl Spelling {
    fn of(self, name: &str) -> String {
        let capital = |word: &str| word[..1].to_owned() + &word[1..].to_ascii_lowercase();
        let words = || name.split('_');
        match self {
            Self::Upper => name.to_owned(),
            Self::Snake => name.to_ascii_lowercase(),
            Self::Kebab => name.to_ascii_lowercase().replace('_', "-"),
            Self::Dotted => name.to_ascii_lowercase().replace('_', "."),
            Self::Pascal => words().map(capital).collect(),
            Self::Train => words().map(capital).collect::<Vec<_>>().join("-"),
            Self::Camel => {
                let pascal = Self::Pascal.of(name);
                let first = name.find('_').unwrap_or(name.len());
                pascal[..first].to_ascii_lowercase() + &pascal[first..]
            }
        }
    }
}

const fn named(
    name: &'static str,
    spelling: Spelling,
    template: &'static str,
    unsafe_bytes: &'static str,
) -> NamedSyntax {
    NamedSyntax { name, template, spelling, unsafe_bytes }
}

/// Those in which a rule about names must find a value.
pub const NAMED: &[NamedSyntax] = &[
    named("env", Spelling::Upper, "\u{1}=\0\nNEXT=1\n", "\"' \\\n$#"),
    named("export", Spelling::Upper, "export \u{1}=\"\0\"\n", IN_STRING),
    named("Dockerfile", Spelling::Upper, "ENV \u{1} \0\nCMD [\"run\"]\n", "\"'\\\n $#"),
    named("JSON", Spelling::Camel, "{\"\u{1}\": \"\0\", \"other\": 1}", IN_STRING),
    named("JSON without spaces", Spelling::Snake, "{\"\u{1}\":\"\0\",\"other\":1}", IN_STRING),
    named("JSON in a string", Spelling::Snake, "\"{\\\"\u{1}\\\":\\\"\0\\\"}\"", IN_STRING),
    named("YAML", Spelling::Kebab, "auth:\n  \u{1}: \0\n  user: me\n", "\"'\n\\:#{}[]&*!|>%@` "),
    named("YAML list of an environment", Spelling::Upper, "- name: \u{1}\n  value: '\0'\n", IN_STRING),
    named("TOML", Spelling::Snake, "\u{1} = \"\0\"\n", IN_STRING),
    named("properties", Spelling::Dotted, "\u{1}=\0\nauth.user=me\n", "\\\n:=#! "),
    named("XML setting", Spelling::Pascal, "<add key=\"\u{1}\" value=\"\0\" />", "\"<>&\n'"),
    named("XML element", Spelling::Snake, "<\u{1}>\0</\u{1}>", "<>&\n"),
    named("Python", Spelling::Snake, "client = Client(\u{1}='\0', retries=3)\n", IN_STRING),
    named("Python environment", Spelling::Upper, "os.environ[\"\u{1}\"] = \"\0\"\n", IN_STRING),
    named("JavaScript", Spelling::Camel, "const \u{1} = `\0`;\n", IN_STRING),
    named("Java", Spelling::Upper, "    private static final String \u{1} = \"\0\";\n", IN_STRING),
    named("setter", Spelling::Pascal, "client.set\u{1}(\"\0\");\n", IN_STRING),
    named("Go", Spelling::Pascal, "cfg := Config{\u{1}: \"\0\"}\n", IN_STRING),
    named("Swift", Spelling::Camel, "let \u{1}: String = \"\0\"\n", IN_STRING),
    named("Ruby", Spelling::Snake, "  config.\u{1} = '\0'\n", IN_STRING),
    named("PHP", Spelling::Upper, "define('\u{1}', '\0');\n", IN_STRING),
    named("PHP array", Spelling::Snake, "    '\u{1}' => '\0',\n", IN_STRING),
    named("header", Spelling::Train, "curl -H \"\u{1}: \0\" https://host.example/\n", IN_STRING),
    named("option", Spelling::Kebab, "tool --\u{1} \0 --quiet\n", "\"'\\\n $#&|;<>()*?!`{}[]"),
    named("option with =", Spelling::Kebab, "tool --\u{1}=\0 --quiet\n", "\"'\\\n $#&|;<>()*?!`{}[]"),
    named("URL query", Spelling::Snake, "GET /v1/items?\u{1}=\0&page=2 HTTP/1.1\n", "\"'\n &#?%+=/<>\\:@"),
    named("log line", Spelling::Snake, "2024-05-01T12:00:00Z INFO \u{1}: \0, retrying\n", "\n \","),
];

impl NamedSyntax {
    /// The text and the offset of the sample in it; `None` if the sample would have to be escaped.
    #[must_use]
    pub fn wrap(&self, name: &str, sample: &[u8]) -> Option<(Vec<u8>, usize)> {
        if sample.iter().any(|b| self.unsafe_bytes.as_bytes().contains(b)) {
            return None;
        }
        let text = self.template.replace('\u{1}', &self.spelling.of(name));
        let (before, after) = text.split_once('\0')?;
        Some(([before.as_bytes(), sample, after.as_bytes()].concat(), before.len()))
    }
}

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

    #[test]
    fn a_name_is_spelled_as_each_syntax_does() {
        let wrapped = |name: &str| {
            let syntax = NAMED.iter().find(|syntax| syntax.name == name).unwrap();
            let (text, at) = syntax.wrap("ACME_API2_KEY", b"value").unwrap();
            assert_eq!(&text[at..at + 5], b"value");
            String::from_utf8(text).unwrap()
        };
        assert_eq!(wrapped("env"), "ACME_API2_KEY=value\nNEXT=1\n");
        assert_eq!(wrapped("JSON"), "{\"acmeApi2Key\": \"value\", \"other\": 1}");
        assert_eq!(wrapped("setter"), "client.setAcmeApi2Key(\"value\");\n");
        assert_eq!(wrapped("header"), "curl -H \"Acme-Api2-Key: value\" https://host.example/\n");
        assert_eq!(wrapped("XML element"), "<acme_api2_key>value</acme_api2_key>");
        assert_eq!(wrapped("properties"), "acme.api2.key=value\nauth.user=me\n");
    }
}
