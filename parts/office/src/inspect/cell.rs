//! What a cell of a workbook says, as a person reads it: a date is a date and
//! not the number of its day.
//!
//! Dates come as `2024-03-01`, times as `09:30:00` (ISO 8601): what a workbook
//! shows depends on the machine it is opened on, and `01/03/2024` has two
//! meanings.

/// What the number format of a cell makes of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// A number.
    #[default]
    Number,
    /// A day.
    Date,
    /// A time of the day.
    Time,
    /// Both.
    DateTime,
    /// A length of time, in hours beyond 24.
    Elapsed,
}

/// Day 0 of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Epoch {
    /// 1899-12-30, with a 29 February 1900 that never was.
    #[default]
    Y1900,
    /// 1904-01-01.
    Y1904,
}

/// The first day that is no date: 10000-01-01.
const DATES_END: f64 = 2_958_466.0;

/// Seconds in a day.
const DAY: u64 = 86_400;

impl Format {
    /// What a format that every workbook has by number shows (ECMA-376, part 1,
    /// section 18.8.30, those of East Asia and Thailand included); `None` for
    /// the number of a format that a workbook defines.
    pub(super) fn built_in(id: u16) -> Option<Self> {
        match id {
            14..=17 | 27..=31 | 36 | 50..=58 | 71..=74 | 81 => Some(Self::Date),
            18..=21 | 32 | 33 | 45 | 47 | 75 | 76 | 78 | 80 => Some(Self::Time),
            22 | 77 => Some(Self::DateTime),
            46 | 79 => Some(Self::Elapsed),
            0..=163 => Some(Self::Number),
            _ => None,
        }
    }

    /// What a format code as `[$-41E]d mmm yyyy;@` shows (section 18.8.31).
    pub(super) fn of_code(code: &str) -> Self {
        let letters = letters(code);
        let Some(letters) = letters else {
            return Self::Elapsed;
        };
        let has = |wanted: &[char]| letters.contains(wanted);
        let has_time = has(&['h', 's']);
        // Between hours and seconds an m is a minute.
        let has_date = has(&['y', 'd', 'b']) || (has(&['m']) && !has_time);
        match (has_date, has_time) {
            (true, true) => Self::DateTime,
            (true, false) => Self::Date,
            (false, true) => Self::Time,
            (false, false) => Self::Number,
        }
    }
}

/// The letters of a code's first section that are no literals; `None` where
/// they count hours, minutes or seconds on, as `[h]` does.
fn letters(code: &str) -> Option<String> {
    let mut letters = String::new();
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' => break,
            // The next one is a literal, a width or a filler.
            '\\' | '_' | '*' => {
                characters.next();
            }
            '"' => {
                characters.by_ref().find(|end| *end == '"');
            }
            '[' => {
                let inside: String = characters.by_ref().take_while(|end| *end != ']').collect();
                let unit = inside.to_ascii_lowercase();
                let counts_on = ["h", "m", "s"]
                    .iter()
                    .any(|letter| !unit.is_empty() && unit.chars().all(|one| letter.contains(one)));
                if counts_on {
                    return None;
                }
            }
            other => letters.extend(other.to_lowercase()),
        }
    }
    // What is no pattern but a name.
    Some(
        letters
            .replace("general", "")
            .replace("am/pm", "h")
            .replace("a/p", "h"),
    )
}

/// A number as its format shows it.
pub(super) fn shown(value: f64, format: Format, epoch: Epoch) -> String {
    if format == Format::Number || !(0.0..DATES_END).contains(&value) {
        return number(value);
    }
    let Some((day, seconds)) = moment(value, format) else {
        return number(value);
    };
    let time = |hours: u64| format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    match format {
        Format::Number => number(value),
        Format::Date => date(day, epoch),
        Format::Time => time(seconds / 3_600),
        Format::DateTime => format!("{} {}", date(day, epoch), time(seconds / 3_600)),
        Format::Elapsed => time(day * 24 + seconds / 3_600),
    }
}

/// The shortest spelling that is this very number, with an exponent where it
/// would be long.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-9..1e17).contains(&size) {
        return format!("{value:e}");
    }
    value.to_string()
}

/// The day and the second of it; a time is rounded to seconds, a day is not.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0 and DATES_END"
)]
fn moment(value: f64, format: Format) -> Option<(u64, u64)> {
    let day = value.floor() as u64;
    if format == Format::Date {
        return Some((day, 0));
    }
    let seconds = (value.fract() * 86_400.0).round() as u64;
    // 23:59:59.7 is the next day.
    let day = day.checked_add(seconds / DAY)?;
    Some((day, seconds % DAY))
}

/// A day by its number, in the calendar of everywhere.
fn date(day: u64, epoch: Epoch) -> String {
    // Days from 0000-03-01 to day 0.
    let start = match epoch {
        Epoch::Y1900 if day == 60 => return "1900-02-29".to_owned(),
        // Before the day that never was, day 1 is 1900-01-01.
        Epoch::Y1900 if day < 60 => 693_900,
        Epoch::Y1900 => 693_899,
        Epoch::Y1904 => 695_361,
    };
    let days = day + start;
    // Years are counted from March on, so that a leap day is a year's last.
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = match month {
        0..=9 => (month + 3, era * 400 + year_of_era),
        _ => (month - 9, era * 400 + year_of_era + 1),
    };
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(value: f64) -> String {
        shown(value, Format::Date, Epoch::Y1900)
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(1.0), "1900-01-01");
        assert_eq!(day(59.0), "1900-02-28");
        assert_eq!(day(60.0), "1900-02-29");
        assert_eq!(day(61.0), "1900-03-01");
        assert_eq!(day(36_525.0), "1999-12-31");
        assert_eq!(day(45_351.0), "2024-02-29");
        assert_eq!(day(45_352.0), "2024-03-01");
        assert_eq!(day(2_958_465.0), "9999-12-31");
        assert_eq!(day(2_958_466.0), "2958466");
        assert_eq!(day(-1.0), "-1");
        assert_eq!(shown(0.0, Format::Date, Epoch::Y1904), "1904-01-01");
        assert_eq!(shown(43_890.0, Format::Date, Epoch::Y1904), "2024-03-01");
    }

    #[test]
    fn times_are_those_of_the_clock() {
        let at = |value, format| shown(value, format, Epoch::Y1900);
        assert_eq!(at(0.395_833_333, Format::Time), "09:30:00");
        assert_eq!(at(45_352.75, Format::DateTime), "2024-03-01 18:00:00");
        assert_eq!(at(45_351.999_999, Format::DateTime), "2024-03-01 00:00:00");
        assert_eq!(at(1.5, Format::Elapsed), "36:00:00");
    }

    #[test]
    fn a_format_tells_dates_from_numbers() {
        for (code, format) in [
            ("General", Format::Number),
            ("0.00E+00", Format::Number),
            ("#,##0\" days\"", Format::Number),
            ("[Red]0.00", Format::Number),
            ("\\d0", Format::Number),
            ("_-* #,##0_-;\\-* #,##0_-", Format::Number),
            ("0;@ d", Format::Number),
            ("@", Format::Number),
            ("yyyy-mm-dd", Format::Date),
            ("[$-41E]d mmm bbbb;@", Format::Date),
            ("[$-411]ggge\"年\"m\"月\"d\"日\"", Format::Date),
            ("mmm", Format::Date),
            ("hh:mm", Format::Time),
            ("h:mm AM/PM", Format::Time),
            ("mm:ss.0", Format::Time),
            ("d/m/yyyy h:mm", Format::DateTime),
            ("[h]:mm:ss", Format::Elapsed),
            ("[mm]:ss", Format::Elapsed),
        ] {
            assert_eq!(Format::of_code(code), format, "{code}");
        }
        assert_eq!(Format::built_in(14), Some(Format::Date));
        assert_eq!(Format::built_in(164), None);
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let written = [5.0, 1.1, -0.25, 1e16, 1e300, 1e-12, 0.0];
        let read = [
            "5",
            "1.1",
            "-0.25",
            "10000000000000000",
            "1e300",
            "1e-12",
            "0",
        ];
        assert_eq!(written.map(number), read);
    }
}
