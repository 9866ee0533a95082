//! Writes small PDFs for the tests, in the shapes in which they are met.

use flate2::{Compression, write::ZlibEncoder};
use std::fmt::Write as _;
use std::io::Write as _;

/// Objects 1 to n of a file in the making; the first is the catalog.
pub(super) struct Written {
    objects: Vec<Vec<u8>>,
    trailer: String,
}

impl Written {
    /// These objects.
    pub(super) fn of(objects: &[&str]) -> Self {
        let objects = objects.iter().map(|it| it.as_bytes().to_vec()).collect();
        let trailer = String::new();
        Self { objects, trailer }
    }

    /// One page with this content, and Helvetica as `/F`.
    pub(super) fn page(content: &str) -> Self {
        Self::pages(&[content], "")
    }

    /// Pages with these contents; `resources` stand beside the font.
    pub(super) fn pages(contents: &[&str], resources: &str) -> Self {
        let mut kids = String::new();
        let mut written = Self::of(&["<</Type/Catalog/Pages 2 0 R>>", ""]);
        for content in contents {
            let number = written.objects.len() + 1;
            write!(kids, "{number} 0 R ").unwrap();
            let page = format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {} 0 R/Resources<<{resources}\
                 /Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
                number + 1
            );
            written.objects.push(page.into_bytes());
            written.objects.push(stream("", content.as_bytes()));
        }
        let count = contents.len();
        let node = format!("<</Type/Pages/Kids[{kids}]/Count {count}>>");
        written.objects[1] = node.into_bytes();
        written
    }

    /// With another object, which gets the next number.
    pub(super) fn and(mut self, object: Vec<u8>) -> Self {
        self.objects.push(object);
        self
    }

    /// With another object under this number.
    pub(super) fn replacing(mut self, number: usize, object: Vec<u8>) -> Self {
        self.objects[number - 1] = object;
        self
    }

    /// With these entries in its trailer.
    pub(super) fn with_trailer(mut self, entries: &str) -> Self {
        self.trailer = entries.to_owned();
        self
    }

    /// With a cross-reference table.
    pub(super) fn with_table(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.4\n".to_vec();
        let entries: Vec<_> = self
            .numbered()
            .map(|it| (it.0, add(&mut file, it)))
            .collect();
        let trailer = format!("/Root 1 0 R{}", self.trailer);
        table(&mut file, &entries, &trailer);
        file
    }

    /// With a cross-reference stream.
    pub(super) fn with_stream(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.5\n".to_vec();
        let places = self.numbered().map(|it| (it.0, 1, add(&mut file, it), 0));
        let places: Vec<_> = places.collect();
        xref_stream(&mut file, places);
        file
    }

    /// With a cross-reference stream, and all but streams in an object stream.
    pub(super) fn packed(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.5\n".to_vec();
        let container = self.objects.len() + 1;
        let (mut heads, mut bodies, mut places) = (String::new(), Vec::new(), Vec::new());
        for (number, object) in self.numbered() {
            if object.ends_with(b"endstream") {
                places.push((number, 1, add(&mut file, (number, object)), 0));
            } else {
                let index = heads.split(' ').count() / 2;
                write!(heads, "{number} {} ", bodies.len()).unwrap();
                bodies.extend([object, b" "].concat());
                places.push((number, 2, container, index));
            }
        }
        let count = heads.split(' ').count() / 2;
        let entries = format!("/Type/ObjStm/N {count}/First {}", heads.len());
        let objects = stream(&entries, &[heads.as_bytes(), &bodies].concat());
        places.push((container, 1, add(&mut file, (container, &objects)), 0));
        xref_stream(&mut file, places);
        file
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &[u8])> {
        (1..).zip(self.objects.iter().map(Vec::as_slice))
    }
}

/// A stream, packed.
pub(super) fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let data = zlib(data);
    let dict = format!(
        "<</Filter/FlateDecode/Length {}{entries}>>stream\n",
        data.len()
    );
    [dict.as_bytes(), &data, b"\nendstream"].concat()
}

/// Packed by zlib.
pub(super) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The file with another page object, in a revision of its own.
pub(super) fn revised(first: &[u8]) -> Vec<u8> {
    let mut file = first.to_vec();
    let previous = memchr::memmem::rfind(first, b"\nxref").unwrap() + 1;
    let page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>";
    let at = add(&mut file, (3, page));
    table(
        &mut file,
        &[(3, at)],
        &format!("/Root 1 0 R/Prev {previous}"),
    );
    file
}

/// A file whose page lies in an object stream, which only a stream beside the table names.
pub(super) fn hybrid() -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let root = add(&mut file, (1, b"<</Type/Catalog/Pages 2 0 R>>"));
    let tree = add(&mut file, (2, b"<</Type/Pages/Kids[3 0 R]/Count 1>>"));
    let objects = stream(
        "/Type/ObjStm/N 1/First 4",
        b"3 0 <</Type/Page/Parent 2 0 R>>",
    );
    let container = add(&mut file, (4, &objects));
    let row = [2, 0, 4, 0];
    let beside = stream("/Type/XRef/Size 6/W[1 2 1]/Index[3 1]", &row);
    let at = add(&mut file, (5, &beside));
    let trailer = format!("/Root 1 0 R/XRefStm {at}");
    table(&mut file, &[(1, root), (2, tree), (4, container)], &trailer);
    file
}

/// A file whose first page and its table come first, with `startxref 0` behind them.
pub(super) fn linearized() -> Vec<u8> {
    let first = |main: usize, offsets: [usize; 2]| {
        let mut file = b"%PDF-1.4\n5 0 obj<</Linearized 1/L 999/N 1>>endobj\n".to_vec();
        let start = file.len();
        let [root, page] = offsets;
        write!(
            file,
            "xref\n1 1\n{root:010} 00000 n \n3 1\n{page:010} 00000 n \n\
             trailer<</Size 6/Root 1 0 R/Prev {main:010}>>\nstartxref\n0\n%%EOF\n"
        )
        .unwrap();
        let root = add(&mut file, (1, b"<</Type/Catalog/Pages 2 0 R>>"));
        let page = add(&mut file, (3, b"<</Type/Page/Parent 2 0 R>>"));
        let tree = add(&mut file, (2, b"<</Type/Pages/Kids[3 0 R]/Count 1>>"));
        (file, start, [root, page], tree)
    };
    let (draft, _, offsets, _) = first(0, [0, 0]);
    let (mut file, start, _, tree) = first(draft.len(), offsets);
    write!(
        file,
        "xref\n0 1\n0000000000 65535 f \n2 1\n{tree:010} 00000 n \n\
         trailer<</Size 3>>\nstartxref\n{start}\n%%EOF\n"
    )
    .unwrap();
    file
}

/// A cross-reference stream of 300 million entries, in a small file.
pub(super) fn xref_bomb() -> Vec<u8> {
    let rows = zlib(&zlib(&vec![1; 200 << 20]));
    let dict = format!(
        "%PDF-1.5\n1 0 obj<</Type/XRef/W[1 0 0]/Size 300000000/Root 2 0 R\
         /Filter[/FlateDecode/FlateDecode]/Length {}>>stream\n",
        rows.len()
    );
    let end = b"\nendstream endobj\nstartxref\n9\n%%EOF\n";
    [dict.as_bytes(), &rows, end].concat()
}

/// What `/U` is in a file of revision 2 that the empty password opens, in hexadecimal;
/// for `/O` of zeros, `/P` of -4 and an `/ID` of one zero.
pub(super) fn empty_password() -> String {
    "a2131391556101128e64737bb2f0fb1452b6beed66a7e0dbcc3276f389ab335f".to_owned()
}

/// The file with other words in the place of the last that are these.
pub(super) fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = memchr::memmem::rfind(file, from.as_bytes()).unwrap();
    let mut file = file.to_vec();
    file[at..at + to.len()].copy_from_slice(to.as_bytes());
    file
}

/// The file with zeros in the data of the stream that has this in its dictionary.
pub(super) fn blanked(file: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let dict = memchr::memmem::find(&file, mark).unwrap();
    let data = dict + memchr::memmem::find(&file[dict..], b"stream\n").unwrap() + 7;
    file[data..data + 20].fill(0);
    file
}

/// Adds an object; where it begins.
fn add(file: &mut Vec<u8>, (number, body): (usize, &[u8])) -> usize {
    let at = file.len();
    writeln!(file, "{number} 0 obj").unwrap();
    file.extend_from_slice(body);
    file.extend_from_slice(b"\nendobj\n");
    at
}

fn table(file: &mut Vec<u8>, entries: &[(usize, usize)], trailer: &str) {
    let at = file.len();
    let size = entries.iter().map(|it| it.0).max().unwrap_or(0) + 1;
    write!(file, "xref\n0 1\n0000000000 65535 f \n").unwrap();
    for (number, offset) in entries {
        write!(file, "{number} 1\n{offset:010} 00000 n \n").unwrap();
    }
    write!(
        file,
        "trailer\n<</Size {size}{trailer}>>\nstartxref\n{at}\n%%EOF\n"
    )
    .unwrap();
}

/// Adds a cross-reference stream of places: number, kind and two fields.
fn xref_stream(file: &mut Vec<u8>, mut places: Vec<(usize, u8, usize, usize)>) {
    let (at, number) = (file.len(), places.len() + 1);
    places.push((number, 1, at, 0));
    places.sort_unstable();
    let mut rows = vec![0_u8; 5];
    for (_, kind, first, second) in places {
        // The filter of each row: the row as it is.
        rows.extend([0, kind]);
        rows.extend(u16::try_from(first).unwrap().to_be_bytes());
        rows.push(u8::try_from(second).unwrap());
    }
    let entries = format!(
        "/Type/XRef/W[1 2 1]/Size {}/Root 1 0 R/DecodeParms<</Predictor 12/Columns 4>>",
        number + 1
    );
    add(file, (number, &stream(&entries, &rows)));
    write!(file, "startxref\n{at}\n%%EOF\n").unwrap();
}
