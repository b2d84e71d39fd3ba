//! Dates in UTC. Takes seconds since 1970, gives text; must never fail, whatever date a commit claims.

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last of its year, and repeat every 400 years.
const fn civil(day: i64) -> (i64, i64, i64) {
    // Day 0 of the count is 0000-03-01.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months of 31, 30, 31, 30, 31 days from March on make 153 days in five.
    let month_from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_month)
}

/// The last second that RFC 3339's four digits of a year can name: 9999-12-31T23:59:59Z.
const LATEST: i64 = 253_402_300_799;
/// The first one: 0000-01-01T00:00:00Z.
const EARLIEST: i64 = -62_167_219_200;

/// RFC 3339 in UTC: `2024-05-01T12:00:00Z`. Dates outside the years 0 to 9999 become the nearest one inside.
pub(super) fn rfc3339(seconds: i64) -> String {
    let seconds = seconds.clamp(EARLIEST, LATEST);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day alone: `2024-05-01`.
#[must_use]
pub fn day(seconds: i64) -> String {
    let mut date = rfc3339(seconds);
    date.truncate(10);
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_714_567_890), "2024-05-01T12:51:30Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(day(4_107_542_400), "2100-03-01");
    }

    #[test]
    fn absurd_dates_become_the_nearest_sensible_one() {
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = String::new();
        for number in -200_000..200_000_i64 {
            let date = day(number * 86_400);
            assert!(before < date, "{before} {date}");
            before = date;
        }
    }
}
