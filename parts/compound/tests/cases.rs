//! Files that were met in the field.

use compound::attachment::media::MediaType;
use compound::attachment::processing::Processed;
use compound::inspect::compound::{check, extract};

#[test]
fn a_workbook_whose_directory_lies_behind_its_streams_is_one() {
    let bytes = include_bytes!("cases/legacy-34kB.xls");
    let found = check(bytes).map(|found| found.media_type);
    assert_eq!(found, Ok(MediaType::Xls));
    let extracted = extract(MediaType::Xls, bytes, 100_000);
    assert_eq!(extracted.processed, Processed::Success);
    assert!(
        extracted.parts[0]
            .text
            .starts_with("row 0 something here\t0\n")
    );
}
