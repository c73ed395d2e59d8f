//! `Retry-After` (RFC 9110 section 10.2.3), without a clock.

use core::time::Duration;

/// How long a response asks to wait, from the values of its `Retry-After` and `Date` headers.
///
/// `Retry-After` is a number of seconds, or a date: that is measured from the response's own `Date`, so our clock need not
/// be right. `None` where it is neither, or a date without a `Date` beside it. Dates in the form that servers send
/// (`Sun, 06 Nov 1994 08:49:37 GMT`) are read; the two obsolete forms are not.
///
/// ```
/// use hybi::reconnect::retry_after;
/// use std::time::Duration;
///
/// assert_eq!(retry_after("120", None), Some(Duration::from_secs(120)));
/// let (then, now) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT");
/// assert_eq!(retry_after(then, Some(now)), Some(Duration::from_secs(60)));
/// ```
#[must_use]
pub fn retry_after(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let (then, now) = (seconds(text)?, seconds(date?.trim())?);
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// Seconds from the year 0 on to a date in the form of RFC 9110 section 5.6.7.
fn seconds(date: &str) -> Option<u64> {
    let (weekday, rest) = date.split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, zone) = (parts.next()?, parts.next()?);
    let mut clock = time.split(':');
    let (hour, minute, second) = (clock.next()?, clock.next()?, clock.next()?);
    let fits = weekday.len() == 3 && zone == "GMT" && parts.next().is_none();
    if !fits || clock.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?;
    let (day, year) = (number(day, 2, 31)?, number(year, 4, 9999)?);
    let (hour, minute, second) =
        (number(hour, 2, 23)?, number(minute, 2, 59)?, number(second, 2, 60)?);
    let days = days_before(year, month).checked_add(day.checked_sub(1)?)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    let minutes = hours.checked_mul(60)?.checked_add(minute)?;
    minutes.checked_mul(60)?.checked_add(second)
}

fn number(digits: &str, len: usize, most: u64) -> Option<u64> {
    let fits = digits.len() == len && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&number| fits && number <= most)
}

/// Days from the year 0 to the first of a month, the first month being 0.
#[expect(clippy::arithmetic_side_effects, reason = "a year has four digits")]
fn days_before(year: u64, month: usize) -> u64 {
    let is_leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    // Leap years before this one, the year 0 among them.
    let leaps = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
    let in_year: u64 = DAYS.iter().take(month).sum();
    year * 365 + leaps + in_year + u64::from(is_leap(year) && month > 1)
}

const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
