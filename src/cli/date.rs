//! Dates as people write them. Takes a word and the present second, gives seconds since 1970-01-01 UTC; must never
//! depend on the time zone of the machine, so that the same command means the same everywhere.

const EXPECTED: &str = "expected a date such as 2026-01-31, 2026-01-31T12:00:00Z or `2 weeks ago`";
const DAY: i64 = 86_400;

/// `YYYY-MM-DD` (midnight UTC), RFC 3339 with an offset, `yesterday`, or `N seconds|minutes|hours|days|weeks|months|years
/// [ago]` (a month is 30 days, a year 365).
pub fn parse(word: &str, now: i64) -> Result<i64, String> {
    let word = word.trim();
    match word.get(..10).and_then(day) {
        Some(days) if word.len() == 10 => Ok(days * DAY),
        Some(days) => time_of_day(&word[10..]).map(|seconds| days * DAY + seconds).ok_or_else(|| EXPECTED.to_owned()),
        None => relative(word).and_then(|ago| now.checked_sub(ago)).ok_or_else(|| EXPECTED.to_owned()),
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, if it is a day of the calendar.
#[must_use]
pub fn day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Count from 1 March, so that the leap day is the last of its year: 153 days are five months from March on.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let century = year.div_euclid(100);
    Some(year * 365 + year.div_euclid(4) - century + century.div_euclid(4) + of_year - 719_468)
}

/// Seconds that `THH:MM:SS[.fff](Z|±HH:MM)` adds to its day, in UTC.
fn time_of_day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || !matches!(bytes[0], b'T' | b't' | b' ') || bytes[3] != b':' || bytes[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (digits(&bytes[1..3])?, digits(&bytes[4..6])?, digits(&bytes[7..9])?);
    let mut rest = &bytes[9..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let end = fraction.iter().position(|byte| !byte.is_ascii_digit())?;
        if end == 0 {
            return None;
        }
        rest = &fraction[end..];
    }
    let offset = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    // 60 is a leap second.
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second - offset)
}

/// Seconds before now that `2 weeks ago`, `3.days`, `1h` or `yesterday` mean.
fn relative(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    if text == "yesterday" {
        return Some(DAY);
    }
    let text = text.strip_suffix("ago").unwrap_or(&text).trim_end_matches([' ', '.']);
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim_start_matches([' ', '.']) {
        "s" | "second" | "seconds" => 1,
        "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "month" | "months" => 30 * DAY,
        "y" | "year" | "years" => 365 * DAY,
        _ => return None,
    };
    number.checked_mul(unit)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn days_count_from_1970() {
        assert_eq!(parse("1970-01-01", NOW), Ok(0));
        assert_eq!(parse("2000-03-01", NOW), Ok(951_868_800));
        assert_eq!(parse("2024-02-29", NOW), Ok(1_709_164_800));
        assert_eq!(parse("1969-12-31", NOW), Ok(-86_400));
    }

    #[test]
    fn times_have_an_offset() {
        assert_eq!(parse("2024-02-29T12:30:00Z", NOW), Ok(1_709_164_800 + 45_000));
        assert_eq!(parse("2024-02-29T12:30:00.25+09:00", NOW), Ok(1_709_164_800 + 45_000 - 9 * 3600));
        assert_eq!(parse("2024-02-29 00:00:00-01:30", NOW), Ok(1_709_164_800 + 5400));
    }

    #[test]
    fn some_time_ago() {
        assert_eq!(parse("2 weeks ago", NOW), Ok(NOW - 14 * DAY));
        assert_eq!(parse("3.days.ago", NOW), Ok(NOW - 3 * DAY));
        assert_eq!(parse("1h", NOW), Ok(NOW - 3600));
        assert_eq!(parse("yesterday", NOW), Ok(NOW - DAY));
    }

    #[test]
    fn what_is_no_date_is_an_error() {
        for wrong in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-32",
            "24-01-01",
            "2024-01-01T10:00:00",
            "2024-01-01T25:00:00Z",
            "2024-01-01T10:00:00.Z",
            "2024-01-01é",
            "soon",
            "2 fortnights ago",
            "99999999999999999999 days ago",
            "9223372036854775807 weeks ago",
        ] {
            assert!(parse(wrong, NOW).is_err(), "{wrong}");
        }
    }
}
