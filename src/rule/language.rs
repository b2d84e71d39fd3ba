//! Names of languages in pattern files and the files they stand in. Takes a path's extension and name; must never look at
//! content.

/// Each language with its file name extensions and whole file names (those with a capital or without a dot).
pub const LANGUAGES: &[(&str, &[&str])] = &[
    ("c", &["c", "h"]),
    ("cpp", &["cc", "cpp", "cxx", "hpp", "hh", "hxx", "h"]),
    ("csharp", &["cs", "csx", "cshtml", "razor"]),
    ("dart", &["dart"]),
    ("dockerfile", &["Dockerfile", "Containerfile", "dockerfile"]),
    ("elixir", &["ex", "exs", "eex", "heex"]),
    ("go", &["go"]),
    ("groovy", &["groovy", "gradle", "Jenkinsfile"]),
    ("html", &["html", "htm", "xhtml"]),
    ("ini", &["ini", "cfg", "conf", "properties", "env"]),
    ("java", &["java", "jsp"]),
    ("javascript", &["js", "jsx", "mjs", "cjs", "vue", "svelte"]),
    ("json", &["json", "jsonc", "json5"]),
    ("kotlin", &["kt", "kts"]),
    ("lua", &["lua"]),
    ("nginx", &["conf", "nginx", "nginxconf"]),
    ("objective-c", &["m", "mm", "h"]),
    ("perl", &["pl", "pm", "cgi"]),
    ("php", &["php", "phtml", "inc"]),
    ("powershell", &["ps1", "psm1", "psd1"]),
    ("python", &["py", "pyi", "pyw", "ipynb"]),
    ("r", &["r", "rmd"]),
    ("ruby", &["rb", "erb", "rake", "gemspec", "Gemfile", "Rakefile"]),
    ("rust", &["rs"]),
    ("scala", &["scala", "sc", "sbt"]),
    ("shell", &["sh", "bash", "zsh", "fish", "ksh", "envrc"]),
    ("sql", &["sql"]),
    ("swift", &["swift"]),
    ("terraform", &["tf", "tfvars", "hcl"]),
    ("toml", &["toml"]),
    ("typescript", &["ts", "tsx", "mts", "cts", "vue", "svelte"]),
    ("xml", &["xml", "config", "csproj", "plist", "xsd", "pom"]),
    ("yaml", &["yaml", "yml"]),
];

/// Whether `name` is a language that rules may name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    LANGUAGES.iter().any(|(language, _)| *language == name)
}

/// Whether the file at `path` (`/`-separated) is written in `language`.
#[must_use]
pub fn is_path_of(path: &[u8], language: &str) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let extension = match name.iter().rposition(|&b| b == b'.') {
        Some(dot) => name[dot + 1..].to_ascii_lowercase(),
        None => Vec::new(),
    };
    LANGUAGES.iter().filter(|(known, _)| *known == language).flat_map(|(_, endings)| endings.iter()).any(|ending| {
        let whole_name = ending.bytes().any(|b| b.is_ascii_uppercase());
        ending.as_bytes() == if whole_name { name } else { &extension[..] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_extension_or_whole_name() {
        assert!(is_path_of(b"src/A.PY", "python"));
        assert!(is_path_of(b"ci/Dockerfile", "dockerfile"));
        assert!(!is_path_of(b"src/py", "python"));
        assert!(is_path_of(b"app.tsx", "typescript") && !is_path_of(b"app.tsx", "javascript"));
    }

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(LANGUAGES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
