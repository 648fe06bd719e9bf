use turnpack::pack::frame::{self, Frame};
use turnpack::bytes::Reader;
use std::collections::BTreeMap;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let vault = std::path::Path::new(&args[1]);
    let out = args.get(2).map(std::path::PathBuf::from);
    let layout = turnpack::vault::layout::Layout::new(vault);
    let snap = turnpack::vault::snapshot::Snapshot::open(&layout).unwrap();
    let mut sizes: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    let mut texts: Vec<Vec<u8>> = vec![vec![]; 3];
    let mut bases: Vec<Vec<Vec<u8>>> = vec![vec![]; 3];
    let mut columns: Vec<Vec<u8>> = vec![vec![]; 13];
    for pack in &snap.packs {
        let bytes = pack.bytes();
        let mut at = 64u64;
        let by: BTreeMap<u64, u8> = pack.directory.blocks.iter().map(|b| (b.offset, b.class)).collect();
        while (at as usize) < bytes.len() {
            let f = Frame::read(bytes, at).unwrap();
            let name = if f.kind == 1 { format!("block class {}", by[&at]) } else { format!("kind {}", f.kind) };
            let e = sizes.entry(name).or_default();
            e.0 += 1; e.1 += u64::from(f.raw_length); e.2 += f.length;
            if f.kind == 1 {
                let c = by[&at] as usize;
                let prefix = (f.codec == 2).then(|| { let i = Reader::new(f.payload).varint().unwrap() as usize; bases[c][i].clone() });
                let t = frame::decode(&f, prefix.as_deref()).unwrap();
                texts[c].extend_from_slice(&t);
                bases[c].push(t);
            }
            if f.kind == 2 {
                let mut r = Reader::new(f.payload);
                for _ in 0..8 { r.varint().unwrap(); }
                let mut h = vec![];
                for i in 0..13 { let c = r.u8().unwrap(); let raw = r.varint().unwrap() as usize; let st = if c == 1 { r.varint().unwrap() as usize } else { raw }; h.push((i, c, raw, st)); }
                for (i, c, raw, st) in h {
                    let d = r.take(st).unwrap();
                    let e = sizes.entry(format!("  stream {i:02}")).or_default();
                    e.0 += 1; e.1 += raw as u64; e.2 += st as u64;
                    columns[i].extend(if c == 1 { turnpack::codec::decompress(d, raw, None).unwrap() } else { d.to_vec() });
                }
            }
            at += f.length;
        }
    }
    for (k, v) in sizes { println!("{k:20} n {:6} raw {:10} stored {:10}", v.0, v.1, v.2); }
    if let Some(out) = out {
        std::fs::create_dir_all(&out).unwrap();
        for (i, t) in texts.iter().enumerate() { std::fs::write(out.join(format!("text{i}")), t).unwrap(); }
        for (i, t) in columns.iter().enumerate() { std::fs::write(out.join(format!("col{i:02}")), t).unwrap(); }
    }
}
