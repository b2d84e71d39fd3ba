//! Checks that tokens carry in themselves. Takes the named groups of a match, gives a verdict; must never use the network
//! or know a rule.
//!
//! Adding an algorithm: a variant with the place that documents it, an arm in [`verify`] and, where the check value is
//! computed, in [`solve`], and vectors below.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

/// A checksum or structure that is verified offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Algorithm {
    /// CRC-32 of `of` in base 62 (`0-9A-Za-z`), zeros in front. GitHub (blog, 2021-04-05) and npm (blog, 2021-09-23).
    #[serde(rename = "crc32-base62")]
    Crc32Base62,
    /// CRC-32 of `of` in base 36 (`0-9a-z`), zeros in front, case ignored.
    #[serde(rename = "crc32-base36")]
    Crc32Base36,
    /// CRC-32 of `of` as hex digits, zeros in front, case ignored.
    #[serde(rename = "crc32-hex")]
    Crc32Hex,
    /// The first characters of the base 32 form (RFC 4648, case ignored) of SHA-256 of `of`.
    #[serde(rename = "sha256-b32")]
    Sha256B32,
    /// The first digits of SHA-256 of `of` in hex, case ignored.
    #[serde(rename = "sha256-hex")]
    Sha256Hex,
    /// The last digit of `of` makes its Luhn sum a multiple of ten (ISO/IEC 7812-1).
    #[serde(rename = "luhn")]
    Luhn,
    /// `of` is base64url of a JSON object with a string `alg` (RFC 7515).
    #[serde(rename = "jwt-header")]
    JwtHeader,
    /// `of` is base64, either alphabet, of a JSON object.
    #[serde(rename = "base64-json")]
    Base64Json,
    /// `of` is base64, either alphabet, of anything at all.
    #[serde(rename = "base64")]
    Base64,
    /// `of` is a version 4 UUID (RFC 9562): version and variant bits.
    #[serde(rename = "uuid4")]
    Uuid4,
    /// `of` is an AWS key id: four letters and base 32, in whose first 48 bits an account number of 12 digits stands.
    #[serde(rename = "aws-key-id")]
    AwsKeyId,
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The check holds.
    Pass,
    /// It does not: the match is no token of this kind.
    Fail,
}

impl Algorithm {
    /// All algorithms, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Crc32Base62,
        Self::Crc32Base36,
        Self::Crc32Hex,
        Self::Sha256B32,
        Self::Sha256Hex,
        Self::Luhn,
        Self::JwtHeader,
        Self::Base64Json,
        Self::Base64,
        Self::Uuid4,
        Self::AwsKeyId,
    ];

    /// Whether a second group (`equals`) holds a check value; else the algorithm looks at `of` alone.
    #[must_use]
    pub const fn takes_equals(self) -> bool {
        matches!(self, Self::Crc32Base62 | Self::Crc32Base36 | Self::Crc32Hex | Self::Sha256B32 | Self::Sha256Hex)
    }

    /// Characters that `{check}` stands for in a sample description; `None` where nothing is computed.
    #[must_use]
    pub const fn check_len(self) -> Option<usize> {
        match self {
            Self::Crc32Base62 => Some(6),
            Self::Crc32Base36 => Some(7),
            Self::Crc32Hex | Self::Sha256B32 | Self::Sha256Hex => Some(8),
            Self::Luhn => Some(1),
            Self::JwtHeader | Self::Base64Json | Self::Base64 | Self::Uuid4 | Self::AwsKeyId => None,
        }
    }
}

/// Checks `of`, against `equals` where the algorithm takes a check value. Never panics, whatever the bytes.
#[must_use]
pub fn verify(algorithm: Algorithm, of: &[u8], equals: Option<&[u8]>) -> Verdict {
    let holds = match algorithm {
        Algorithm::Crc32Base62 => {
            equals.is_some_and(|check| solve(algorithm, of, check.len()).as_deref() == Some(check))
        }
        Algorithm::Crc32Base36 | Algorithm::Crc32Hex | Algorithm::Sha256B32 | Algorithm::Sha256Hex => equals
            .is_some_and(|check| {
                solve(algorithm, of, check.len()).is_some_and(|solved| solved.eq_ignore_ascii_case(check))
            }),
        Algorithm::Luhn => luhn_sum(of).is_some_and(|sum| sum % 10 == 0),
        Algorithm::JwtHeader => {
            json_object(of).is_some_and(|header| header.get("alg").is_some_and(serde_json::Value::is_string))
        }
        Algorithm::Base64Json => json_object(of).is_some(),
        Algorithm::Base64 => decode(of).is_some(),
        Algorithm::Uuid4 => is_uuid4(of),
        Algorithm::AwsKeyId => is_aws_key_id(of),
    };
    if holds { Verdict::Pass } else { Verdict::Fail }
}

/// The check value of `of` in `len` characters; `None` where the algorithm has none or it does not fit.
///
/// For [`Algorithm::Luhn`], `of` is the number without its last digit.
#[must_use]
pub fn solve(algorithm: Algorithm, of: &[u8], len: usize) -> Option<Vec<u8>> {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let crc = || crc32fast::hash(of);
    match algorithm {
        Algorithm::Crc32Base62 => in_base(BASE62, crc(), len),
        Algorithm::Crc32Base36 => in_base(BASE36, crc(), len),
        Algorithm::Crc32Hex => in_base(&BASE36[..16], crc(), len),
        Algorithm::Sha256B32 => sha256_base32(of).get(..len).map(<[u8]>::to_vec),
        Algorithm::Sha256Hex => {
            let digits: Vec<u8> =
                sha256(of).iter().flat_map(|&b| [BASE36[usize::from(b >> 4)], BASE36[usize::from(b & 15)]]).collect();
            digits.get(..len).map(<[u8]>::to_vec)
        }
        Algorithm::Luhn => {
            let mut number = of.to_vec();
            number.push(b'0');
            luhn_sum(&number).map(|sum| vec![b'0' + ((10 - sum % 10) % 10) as u8])
        }
        Algorithm::JwtHeader | Algorithm::Base64Json | Algorithm::Base64 | Algorithm::Uuid4 | Algorithm::AwsKeyId => {
            None
        }
    }
}

/// `value` in the base of `digits`, padded with zeros to `len`; `None` if it is longer.
fn in_base(digits: &[u8], mut value: u32, len: usize) -> Option<Vec<u8>> {
    let base = digits.len() as u32;
    let mut reversed = Vec::with_capacity(len);
    while value > 0 {
        reversed.push(digits[(value % base) as usize]);
        value /= base;
    }
    if reversed.len() > len {
        return None;
    }
    reversed.resize(len, digits[0]);
    reversed.reverse();
    Some(reversed)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

fn sha256_base32(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut held, mut bits, mut out) = (0_u32, 0, Vec::new());
    for byte in sha256(bytes) {
        held = (held << 8 | u32::from(byte)) & 0xffff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(DIGITS[(held >> bits & 31) as usize]);
        }
    }
    out
}

/// The Luhn sum of a number of at least two digits.
fn luhn_sum(number: &[u8]) -> Option<u32> {
    if number.len() < 2 || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |b: u8| u32::from(b - b'0');
    // Every second digit from the right counts double, the digits of the double added.
    let value = |(i, &b): (usize, &u8)| if i % 2 == 1 { digit(b) * 2 / 10 + digit(b) * 2 % 10 } else { digit(b) };
    Some(number.iter().rev().enumerate().map(value).sum())
}

/// base64 of either alphabet, with or without padding; unused last bits are not checked, as decoders in the wild do not.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let url = text.iter().any(|&b| matches!(b, b'-' | b'_'));
    let alphabet = if url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(text).ok()
}

fn json_object(text: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_slice(&decode(text)?).ok()
}

fn is_uuid4(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            14 => *b == b'4',
            19 => matches!(b.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => b.is_ascii_hexdigit(),
        })
}

/// The 16 characters after the four letters are base 32. Where the first of the bits is set (ids made since 2019), the next
/// 40 are the number of the account, which has at most 12 digits; older ids hold no number and pass.
fn is_aws_key_id(id: &[u8]) -> bool {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(u64::from(b - b'A')),
        b'2'..=b'7' => Some(u64::from(b - b'2') + 26),
        _ => None,
    };
    let Some(Some(digits)) = id.get(4..).map(|body| body.iter().map(|&b| value(b)).collect::<Option<Vec<_>>>()) else {
        return false;
    };
    if digits.len() != 16 {
        return false;
    }
    let first_50_bits = digits[..10].iter().fold(0, |bits, digit| bits << 5 | digit);
    let dated = first_50_bits >> 49 == 1;
    let account = first_50_bits >> 9 & ((1 << 40) - 1);
    !dated || account <= 999_999_999_999
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and the check of a revoked sample that was published to explain the format, without its prefix.
    #[test]
    fn crc32_base62_agrees_with_a_published_sample() {
        let (body, check) = (b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", b"0mLq17");
        assert_eq!(solve(Algorithm::Crc32Base62, body, 6).unwrap(), check);
        assert_eq!(verify(Algorithm::Crc32Base62, body, Some(check)), Verdict::Pass);
        assert_eq!(verify(Algorithm::Crc32Base62, body, Some(b"0mLq18")), Verdict::Fail);
        assert_eq!(verify(Algorithm::Crc32Base62, body, Some(b"0mlq17")), Verdict::Fail, "base 62 has case");
        assert_eq!(verify(Algorithm::Crc32Base62, body, None), Verdict::Fail);
    }

    /// CRC-32/ISO-HDLC of "123456789" is 0xcbf43926, the check value in every catalogue of CRCs.
    #[test]
    fn crc32_in_other_bases() {
        assert_eq!(solve(Algorithm::Crc32Hex, b"123456789", 8).unwrap(), b"cbf43926");
        assert_eq!(verify(Algorithm::Crc32Hex, b"123456789", Some(b"CBF43926")), Verdict::Pass);
        let base36 = solve(Algorithm::Crc32Base36, b"123456789", 7).unwrap();
        assert_eq!(u32::from_str_radix(std::str::from_utf8(&base36).unwrap(), 36), Ok(0xcbf4_3926));
        assert_eq!(solve(Algorithm::Crc32Hex, b"123456789", 7), None, "does not fit");
    }

    /// SHA-256 of "abc" from FIPS 180-2: ba7816bf 8f01cfea ...
    #[test]
    fn sha256_forms() {
        assert_eq!(solve(Algorithm::Sha256Hex, b"abc", 16).unwrap(), b"ba7816bf8f01cfea");
        // ba 78 16 bf 8f = 10111 01001 11100 00001 01101 01111 11100 01111
        assert_eq!(solve(Algorithm::Sha256B32, b"abc", 8).unwrap(), b"xj4bnp4p");
        assert_eq!(verify(Algorithm::Sha256B32, b"abc", Some(b"XJ4BNP4P")), Verdict::Pass);
        assert_eq!(verify(Algorithm::Sha256Hex, b"abd", Some(b"ba7816bf")), Verdict::Fail);
        assert_eq!(solve(Algorithm::Sha256Hex, b"abc", 65), None, "longer than the digest");
    }

    #[test]
    fn luhn() {
        assert_eq!(verify(Algorithm::Luhn, b"79927398713", None), Verdict::Pass);
        assert_eq!(verify(Algorithm::Luhn, b"79927398710", None), Verdict::Fail);
        assert_eq!(verify(Algorithm::Luhn, b"7992739871x", None), Verdict::Fail);
        assert_eq!(solve(Algorithm::Luhn, b"7992739871", 1).unwrap(), b"3");
        assert_eq!(verify(Algorithm::Luhn, b"", None), Verdict::Fail);
    }

    fn base64(text: &str) -> Vec<u8> {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text).into_bytes()
    }

    #[test]
    fn jwt_headers_and_json() {
        assert_eq!(verify(Algorithm::JwtHeader, &base64(r#"{"alg":"HS256","typ":"JWT"}"#), None), Verdict::Pass);
        assert_eq!(verify(Algorithm::JwtHeader, &base64(r#"{"alg":1}"#), None), Verdict::Fail);
        assert_eq!(verify(Algorithm::JwtHeader, &base64(r#"{"typ":"JWT"}"#), None), Verdict::Fail);
        assert_eq!(verify(Algorithm::JwtHeader, b"eyJ!", None), Verdict::Fail);
        assert_eq!(verify(Algorithm::Base64Json, &base64(r#"{"k":"?>"}"#), None), Verdict::Pass);
        assert_eq!(verify(Algorithm::Base64Json, &base64("[1]"), None), Verdict::Fail);
        assert_eq!(verify(Algorithm::Base64, b"aGVsbG8=", None), Verdict::Pass);
        assert_eq!(verify(Algorithm::Base64, b"aGVsbG8", None), Verdict::Pass);
        assert_eq!(verify(Algorithm::Base64, b"aGVsb", None), Verdict::Fail);
    }

    #[test]
    fn uuid4() {
        assert_eq!(verify(Algorithm::Uuid4, b"9b2c6d1e-0f3a-4c5d-8e7f-0123456789ab", None), Verdict::Pass);
        assert_eq!(verify(Algorithm::Uuid4, b"9b2c6d1e-0f3a-1c5d-8e7f-0123456789ab", None), Verdict::Fail);
        assert_eq!(verify(Algorithm::Uuid4, b"9b2c6d1e-0f3a-4c5d-ce7f-0123456789ab", None), Verdict::Fail);
    }

    /// An id whose number is `account`: one set bit, 40 bits of account, 39 bits of zero.
    fn aws_id(account: u64) -> Vec<u8> {
        let bits = 1_u128 << 79 | u128::from(account) << 39;
        let digit = |i: u32| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(bits >> (75 - 5 * i) & 31) as usize];
        b"ASIA".iter().copied().chain((0..16).map(digit)).collect()
    }

    #[test]
    fn aws_ids_hold_an_account_of_twelve_digits() {
        let older = |last: &[u8]| [b"ASIA".as_slice(), b"I234567ABCDEFGH", last].concat();
        assert_eq!(verify(Algorithm::AwsKeyId, &aws_id(123_456_789_012), None), Verdict::Pass);
        assert_eq!(verify(Algorithm::AwsKeyId, &aws_id(999_999_999_999), None), Verdict::Pass);
        assert_eq!(verify(Algorithm::AwsKeyId, &aws_id(1_000_000_000_000), None), Verdict::Fail);
        assert_eq!(verify(Algorithm::AwsKeyId, &older(b"2"), None), Verdict::Pass, "older id");
        assert_eq!(verify(Algorithm::AwsKeyId, &older(b"1"), None), Verdict::Fail, "1 is not base 32");
        assert_eq!(verify(Algorithm::AwsKeyId, b"ASIAI234567", None), Verdict::Fail);
    }
}
