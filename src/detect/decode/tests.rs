use super::*;
use base64::Engine as _;

fn all(text: &[u8]) -> Vec<Decoded> {
    let mut found = Vec::new();
    each(text, |decoded| found.push(decoded));
    found
}

fn span_of(haystack: &[u8], needle: &str) -> Span {
    let start = memchr::memmem::find(haystack, needle.as_bytes()).expect("the needle is there");
    Span::new(start, start + needle.len())
}

#[test]
fn base64_of_text_is_decoded_and_mapped_back() {
    for pad in 0..3 {
        let plain = format!("{}user=me;password=hunter22", "x".repeat(pad));
        for engine in [&base64::engine::general_purpose::STANDARD, &base64::engine::general_purpose::URL_SAFE] {
            let text = format!("data: \"{}\" end", engine.encode(&plain));
            let found = all(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].text, plain.as_bytes());
            let outer = found[0].outer_span(span_of(plain.as_bytes(), "hunter22"));
            // The quads that hold the secret, no more than two bytes too many on either side.
            assert!(outer.len() >= 11 && outer.len() <= 14, "{outer:?}");
            assert!(found[0].run.contains(outer));
        }
    }
}

#[test]
fn identifiers_and_binary_data_are_no_base64() {
    assert!(all(b"getApplicationConfigurationPropertiesFactoryBean").is_empty());
    let binary: Vec<u8> = (0..=255).collect();
    assert!(all(base64::engine::general_purpose::STANDARD.encode(binary).as_bytes()).is_empty());
}

#[test]
fn utf16_in_base64_is_text_too() {
    let utf16: Vec<u8> = "$password = 'hunter22'".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(utf16);
    assert_eq!(all(text.as_bytes())[0].text, b"$password = 'hunter22'");
}

#[test]
fn long_runs_are_decoded_in_overlapping_pieces() {
    let plain = "a line of text with password=hunter22\n".repeat(4000);
    let text = base64::engine::general_purpose::STANDARD.encode(&plain);
    let found = all(text.as_bytes());
    assert!(found.len() > 2);
    for pair in found.windows(2) {
        assert_eq!(pair[0].run.end - pair[1].run.start, OVERLAP);
        let shift = (pair[1].run.start - found[0].run.start) / 4 * 3;
        assert_eq!(&pair[1].text[..100], &plain.as_bytes()[shift..shift + 100]);
    }
    assert_eq!(found.last().map(|last| last.run.end), Some(text.trim_end_matches('=').len()));
}

#[test]
fn hex_of_text_is_decoded() {
    let plain = "password=hunter22&x";
    let text = plain.bytes().fold(String::new(), |text, b| text + &format!("{b:02x}"));
    let found = all(format!("h:{text};").as_bytes());
    assert_eq!((found[0].text.as_slice(), found[0].encoding), (plain.as_bytes(), Encoding::Hex));
    assert_eq!(found[0].outer_span(Span::new(9, 17)), Span::new(2 + 18, 2 + 34));
}

#[test]
fn escapes_are_undone_with_their_surroundings() {
    for (text, want, encoding) in [
        ("url?password%3Dp%40ss&x", "url?password=p@ss&x", Encoding::Percent),
        (r#""\u0070assword": "x\x41""#, r#""password": "xA""#, Encoding::Unicode),
        ("a=&quot;k&#101;y&#x41;&quot; b", "a=\"keyA\" b", Encoding::HtmlEntity),
    ] {
        let found = all(text.as_bytes());
        let decoded = found.iter().find(|d| d.encoding == encoding).expect("the escape is seen");
        assert_eq!(String::from_utf8_lossy(&decoded.text), want);
        assert_eq!(decoded.outer_span(Span::new(0, decoded.text.len())), Span::new(0, text.len()));
        assert!(decoded.changed(Span::new(0, decoded.text.len())));
    }
}

#[test]
fn printf_formats_and_operators_are_no_escapes() {
    assert!(all(b"printf(\"%d %s\\n\", a && b, &c);").is_empty());
}
