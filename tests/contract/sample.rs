//! Reports built by hand, with everything that a report can hold. Secrets are put together at run time.

use std::collections::BTreeMap;

use sekisho::blob::{ObjectId, RepoPath};
use sekisho::coverage::{Coverage, SkipReason};
use sekisho::detect::{Encoding, PartFound};
use sekisho::finding::line_hash::LineHashes;
use sekisho::finding::{Finding, Fingerprint, FoundSecret, Occurrence, Report, SuppressedBy, Suppression, TargetInfo};
use sekisho::provenance::{Commit, GitInfo, SourceKind, Timeline};
use sekisho::rule::{
    AuthClass, Confidence, Credential, Detail, Detector, Identity, Kind, Rule, RuleSet, Severity, Status, ValueFilter,
    Window,
};
use sekisho::secret::Secret;
use sekisho::span::Location;

/// A token of a provider that does not exist.
pub fn token(number: usize) -> String {
    let body: String =
        (0..32_usize).map(|i| char::from(b'a' + ((i * i + i * number + 7 * number) % 26) as u8)).collect();
    ["acme", "_", &body].concat()
}

/// A block of many lines.
pub fn key_block() -> String {
    let line = "Zm9vYmFyYmF6".repeat(5);
    ["-----BEGIN ACME KEY-----", &line, &line, &line, "-----END ACME KEY-----"].join("\n")
}

pub const PASSWORD: &str = "hunter2!";
pub const BYTES: &[u8] = b"\xff\xfebinary-secret-\x80\x81-0123456789";

/// Everything that no report may show.
pub fn secrets() -> Vec<String> {
    let mut secrets: Vec<String> = (1..=6).map(token).collect();
    secrets.extend([key_block(), PASSWORD.to_owned(), "binary-secret-".to_owned()]);
    secrets
}

pub fn commit(number: u8, time: i64) -> Commit {
    Commit { time, id: object(number) }
}

pub fn object(number: u8) -> ObjectId {
    ObjectId::from_hex(format!("{number:02x}").repeat(20).as_bytes()).unwrap()
}

/// The files of the sample's working tree, so that other tools can check positions and hashes in them.
pub fn files() -> Vec<(&'static str, String)> {
    let token = token;
    vec![
        ("src/config.rs", format!("// settings\r\n\r\n\tlet token = \"{}\"; // keep\r\n", token(1))),
        ("src/über 関所 😀.py", format!("名前 = '😀'; key = \"{}\"\n", token(2))),
        ("a#b%41/{x}?.min.js", format!("{}k=\"{}\";{}", "x=1;".repeat(300), token(3), "y=2;".repeat(300))),
        ("keys/acme.pem", format!("# comment\n{}\n", key_block())),
        ("ctl\u{1b}[31m\u{202e}]x](y).env", format!("A=\u{1b}[2J\u{202e}\u{200b}\nTOKEN={}\u{7}\n", token(4))),
        ("app/settings.ini", format!("[db]\npassword = {PASSWORD}\npassword = {PASSWORD}\n")),
        ("api/routes.py", "@app.post('/v1/login')\ndef login(): pass\n".to_owned()),
    ]
}

fn file(path: &str) -> String {
    files().into_iter().find(|(name, _)| *name == path).unwrap().1
}

/// Where `needle` stands in a file of the tree, the `nth` time.
fn in_tree(path: &str, needle: &str, nth: usize, masked: Option<&str>) -> Occurrence {
    let text = file(path);
    let start = text.match_indices(needle).nth(nth).unwrap().0;
    let location = locate(&text, start, start + needle.len());
    let lines: Vec<&str> = text.split('\n').collect();
    let shown = lines[location.line as usize - 1..location.end_line as usize].join("\n");
    Occurrence {
        target: 0,
        source: SourceKind::Tree,
        path: Some(RepoPath::from(path)),
        object: None,
        commit: None,
        location,
        line_hash: LineHashes::new(text.as_bytes()).get(location.line).map(str::to_owned),
        snippet: masked.map_or(shown.clone(), |mask| shown.replace(needle, mask)),
    }
}

fn locate(text: &str, start: usize, end: usize) -> Location {
    let position = |at: usize| {
        let line_start = text[..at].rfind('\n').map_or(0, |lf| lf + 1);
        let line = text[..at].matches('\n').count() as u32 + 1;
        let before = &text[line_start..at];
        (line, before.len() as u32 + 1, before.encode_utf16().count() as u32 + 1)
    };
    let (line, column, column_utf16) = position(start);
    let (end_line, end_column, end_column_utf16) = position(end);
    Location { line, column, end_line, end_column, column_utf16, end_column_utf16 }
}

fn in_history(path: &str, number: u8, commit: Commit, masked: &str) -> Occurrence {
    Occurrence {
        target: 0,
        source: SourceKind::History,
        path: Some(RepoPath::from(path)),
        object: Some(object(number)),
        commit: Some(commit),
        location: Location { line: 7, column: 9, end_line: 7, end_column: 46, column_utf16: 9, end_column_utf16: 46 },
        line_hash: None,
        snippet: format!("token = {masked}"),
    }
}

fn credential(number: u8, rule: &str, severity: Severity, secret: &[u8], occurrences: Vec<Occurrence>) -> Finding {
    Finding {
        fingerprint: Fingerprint([number; 16]),
        previous: Vec::new(),
        rule: rule.to_owned(),
        also: Vec::new(),
        kind: Kind::Credential,
        title: "Acme access token".to_owned(),
        severity,
        confidence: Confidence::High,
        score: None,
        cwe: vec![798],
        secret: Some(FoundSecret { value: Secret::new(secret), entropy: 4.2, decoded_from: Vec::new() }),
        attributes: BTreeMap::new(),
        checksum: false,
        structure: None,
        parts: Vec::new(),
        occurrences,
        history: None,
        suppressed_by: None,
    }
}

fn masked(secret: &str) -> String {
    Secret::new(secret.as_bytes()).masked()
}

fn token_in(number: usize, path: &str) -> Finding {
    let secret = token(number);
    let at = in_tree(path, &secret, 0, Some(&masked(&secret)));
    credential(number as u8, "acme.token", Severity::Critical, secret.as_bytes(), vec![at])
}

fn without_secret(number: u8, rule: &str, kind: Kind, severity: Severity, at: Occurrence) -> Finding {
    Finding { kind, secret: None, cwe: Vec::new(), ..credential(number, rule, severity, b"", vec![at]) }
}

fn timeline(first: Commit, last: Commit) -> Timeline {
    Timeline {
        first: Some(first),
        last: Some(last),
        removed_in: Vec::new(),
        in_head: true,
        versions: 1,
        reachable: true,
        pushed: false,
    }
}

/// Everything at once.
pub fn report() -> Report {
    let (old, newer, newest) = (commit(0x1a, 1_714_567_890), commit(0x2b, 1_720_000_000), commit(0x3c, 1_730_000_000));
    let mut findings = Vec::new();

    // In the tree and in the history, pushed, with a checksum, parts, a former name and other rules.
    let mut finding = token_in(1, "src/config.rs");
    for (number, commit) in [(0x11, old), (0x22, newer), (0x33, newest)] {
        finding.occurrences.push(in_history("src/old-config.rs", number, commit, &masked(&token(1))));
    }
    finding.previous = vec![Fingerprint([0xee; 16])];
    finding.also = vec!["generic.token".to_owned()];
    finding.checksum = true;
    finding.structure = Some("expired 2024-05-01".to_owned());
    finding.parts = vec![PartFound { name: "id".to_owned(), value: Secret::new(token(6).into_bytes()) }];
    finding.history = Some(Timeline { versions: 3, pushed: true, ..timeline(old, newest) });
    findings.push(finding);

    // Only in the history, removed.
    let at = in_history("gone/secrets.yml", 0x44, old, &masked(&token(5)));
    let mut finding = credential(5, "acme.token", Severity::High, token(5).as_bytes(), vec![at]);
    finding.history = Some(Timeline { in_head: false, removed_in: vec![newer, newest], ..timeline(old, newer) });
    findings.push(finding);

    findings.push(token_in(2, "src/über 関所 😀.py"));

    // A minified line, decoded.
    let mut finding = token_in(3, "a#b%41/{x}?.min.js");
    if let Some(secret) = &mut finding.secret {
        secret.decoded_from = vec![Encoding::Base64, Encoding::Hex];
    }
    findings.push(finding);

    // Many lines.
    let key = key_block();
    let mask = format!("{}\n****\n****\n****\n****", masked(&key));
    let at = in_tree("keys/acme.pem", &key, 0, Some(&mask));
    findings.push(credential(7, "acme.key", Severity::Critical, key.as_bytes(), vec![at]));

    // A hostile name and hostile contents.
    findings.push(token_in(4, "ctl\u{1b}[31m\u{202e}]x](y).env"));

    // A short secret, twice, in equal lines.
    let places = (0..2).map(|nth| in_tree("app/settings.ini", PASSWORD, nth, Some("****"))).collect();
    let mut finding = credential(8, "generic.password", Severity::Medium, PASSWORD.as_bytes(), places);
    finding.confidence = Confidence::Medium;
    finding.score = Some(0.8125);
    findings.push(finding);

    // No path: a commit message. No valid UTF-8.
    let message = Occurrence {
        source: SourceKind::CommitMessage,
        path: None,
        object: None,
        snippet: format!("use {} now\u{1b}[0m", Secret::new(BYTES).masked()),
        ..in_history("", 0x55, newer, "")
    };
    findings.push(credential(9, "acme.token", Severity::High, BYTES, vec![message]));

    // A route and a piece of auth logic in a file whose name is no UTF-8.
    let at = in_tree("api/routes.py", "/v1/login", 0, None);
    let mut finding = without_secret(10, "endpoint.route.auth", Kind::Endpoint, Severity::Info, at.clone());
    finding.title = String::from("Route of authentication");
    finding.attributes = BTreeMap::from([("method", "POST"), ("path", "/v1/login")].map(|(k, v)| (k.into(), v.into())));
    findings.push(finding);
    let at = Occurrence { path: Some(RepoPath::new(*b"lib/\xff\xfe.py")), line_hash: None, ..at };
    let mut finding = without_secret(11, "auth.tls-verify-off", Kind::AuthLogic, Severity::High, at);
    finding.title = String::from("TLS certificates are not checked");
    finding.attributes = BTreeMap::from([("class".into(), "weakness".into())]);
    findings.push(finding);

    // Suppressed.
    for (number, by, reason) in [
        (12, SuppressedBy::Inline, Some("test key")),
        (13, SuppressedBy::Config, Some("rotated")),
        (14, SuppressedBy::Baseline, None),
        (15, SuppressedBy::Rules, Some("placeholder")),
    ] {
        let mut finding = token_in(1, "src/config.rs");
        finding.fingerprint = Fingerprint([number; 16]);
        finding.severity = Severity::Low;
        finding.suppressed_by = Some(Suppression { by, reason: reason.map(str::to_owned) });
        findings.push(finding);
    }

    let mut report = clean();
    report.findings = findings;
    report.complete = false;
    report.coverage.skip(SkipReason::MissingObject, "tree 4b825dc642cb named by commit 1a1a1a1a1a1a\u{1b}[0m");
    for number in 0..5 {
        report.coverage.skip(SkipReason::Unreadable, format!("private/{number}: permission denied"));
    }
    report.coverage.skip(SkipReason::Binary, "logo.png");
    report
}

/// Nothing found, all of it looked at.
pub fn clean() -> Report {
    Report {
        targets: vec![TargetInfo {
            name: ".".to_owned(),
            path: RepoPath::default(),
            is_url: false,
            git: Some(GitInfo {
                head: Some(object(0x3c)),
                branch: Some("refs/heads/main".to_owned()),
                refs: 4,
                bare: false,
                shallow: false,
                origin: Some("git@example.org:acme/shop.git".to_owned()),
            }),
        }],
        findings: Vec::new(),
        coverage: Coverage {
            commits: 3_210,
            trees: 9_001,
            blobs: 12_345,
            files: 456,
            bytes: 1_234_567_890,
            skipped: BTreeMap::new(),
        },
        complete: true,
        started: 1_730_000_001,
        duration_ms: 3_456,
        rules_digest: "0123456789abcdef".to_owned(),
    }
}

/// The rules of the sample. `generic.password` is missing on purpose: reports must live with that.
pub fn rules() -> RuleSet {
    let mut rules = vec![
        rule("acme.token", Kind::Credential, "Acme access token", Severity::Critical),
        rule("acme.key", Kind::Credential, "Acme private key", Severity::Critical),
        rule("endpoint.route.auth", Kind::Endpoint, "Route of authentication", Severity::Info),
        rule("auth.tls-verify-off", Kind::AuthLogic, "TLS certificates are not checked", Severity::High),
    ];
    rules[0].remediation = String::from("Revoke the token on Acme's settings page.");
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    RuleSet { rules, ..RuleSet::default() }
}

fn rule(id: &str, kind: Kind, title: &str, severity: Severity) -> Rule {
    Rule {
        id: id.to_owned(),
        aliases: Vec::new(),
        status: Status::Stable,
        since: None,
        kind,
        provider: String::new(),
        title: title.to_owned(),
        description: format!("{title} in the code: who reads it can act as its owner"),
        remediation: String::new(),
        references: vec!["https://example.org/docs/tokens".to_owned()],
        severity,
        confidence: Confidence::High,
        cwe: if kind == Kind::AuthLogic { vec![295] } else { vec![798] },
        tags: vec!["acme".to_owned(), "security".to_owned()],
        detector: Detector::Regex(String::new()),
        keywords: Vec::new(),
        window: Window::default(),
        requires: Vec::new(),
        unless: Vec::new(),
        unless_lines: 0,
        near: Vec::new(),
        not_near: Vec::new(),
        languages: Vec::new(),
        include: Vec::new(),
        exclude: Vec::new(),
        identity: Identity::Secret,
        report: true,
        value: ValueFilter::default(),
        verify: None,
        detail: match kind {
            Kind::Credential => Detail::Credential(Box::<Credential>::default()),
            Kind::Endpoint => Detail::Endpoint { needs_role: None },
            Kind::AuthLogic => Detail::AuthLogic { class: AuthClass::Weakness, role: None, needs_role: None },
        },
    }
}
