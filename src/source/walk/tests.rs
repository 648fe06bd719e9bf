//! What a walk takes and leaves, on small trees.

use super::super::paths::source_name;
use super::*;
use std::os::unix::fs::symlink;

#[expect(dead_code, reason = "the directory lives as long as the tree")]
struct Tree(tempfile::TempDir, PathBuf);

impl Tree {
    fn new(files: &[&str]) -> Tree {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let tree = Tree(dir, root);
        files.iter().for_each(|file| tree.put(file, "{\"a\":1}\n"));
        tree
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.1.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())).unwrap();
    }

    fn names(&self, found: &Discovery) -> Vec<String> {
        found.files.iter().map(|file| source_name(file.path.strip_prefix(&self.1).unwrap())).collect()
    }

    fn walk(&self, include: &[&str], exclude: &[&str], all: bool) -> Discovery {
        let owned = |globs: &[&str]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let options = WalkOptions::new(&owned(include), &owned(exclude), all, Some(self.1.join("vault"))).unwrap();
        discover(std::slice::from_ref(&self.1), &options)
    }
}

#[test]
fn a_walk_takes_known_kinds_in_path_order_and_counts_the_rest() {
    let tree = Tree::new(&["b.jsonl", "a/x.ndjson", "a.jsonl", "notes.md", "auth.json", "k/.ssh/x.jsonl", "vault/packs/p.jsonl"]);
    tree.put("gw.log", "plain words\n");
    tree.put("ok.log", "{\"a\":1}\n");
    symlink(tree.1.join("b.jsonl"), tree.1.join("link.jsonl")).unwrap();
    symlink(&tree.1, tree.1.join("loop")).unwrap();
    let found = tree.walk(&[], &[], false);
    assert_eq!(tree.names(&found), ["a.jsonl", "a/x.ndjson", "b.jsonl", "ok.log"]);
    let skipped: Vec<_> = found.skipped.into_iter().collect();
    assert_eq!(
        skipped,
        [
            (SkipReason::Credential, 2),
            (SkipReason::Link, 2),
            (SkipReason::NotJson, 1),
            (SkipReason::Vault, 1),
            (SkipReason::UnknownKind(".md".into()), 1)
        ]
    );
    assert!(found.errors.is_empty());
}

#[test]
fn all_files_takes_every_kind_but_never_credentials_links_or_the_vault() {
    let tree = Tree::new(&["notes.md", ".env", "id_rsa", "vault/vault.json", "x.bin"]);
    symlink(tree.1.join("vault"), tree.1.join("other")).unwrap();
    let found = tree.walk(&[], &[], true);
    assert_eq!(tree.names(&found), ["notes.md", "x.bin"]);
}

#[test]
fn globs_choose_by_name_by_path_below_and_prune_directories() {
    let tree = Tree::new(&["a/x.txt", "a/y.jsonl", "b/x.txt", "b/c/z.jsonl", "my_token.json"]);
    assert_eq!(tree.names(&tree.walk(&["*.txt", "my*"], &[], false)), ["a/x.txt", "b/x.txt"]);
    assert_eq!(tree.names(&tree.walk(&["b/**"], &[], false)), ["b/c/z.jsonl", "b/x.txt"]);
    assert_eq!(tree.names(&tree.walk(&[], &["c/"], false)), ["a/y.jsonl"]);
    assert_eq!(tree.names(&tree.walk(&[], &["/a/*.jsonl"], false)), ["b/c/z.jsonl"]);
    assert!(matches!(WalkOptions::new(&["a[".into()], &[], false, None), Err(Error::Usage(_))));
}

#[test]
fn named_files_are_taken_whatever_they_are_once_and_missing_ones_are_errors() {
    let tree = Tree::new(&["auth.json", "vault/head", "d/a.jsonl"]);
    symlink(tree.1.join("auth.json"), tree.1.join("link")).unwrap();
    let named =
        ["auth.json", "link", "d/a.jsonl", "d", "d/../d/a.jsonl", "gone", "vault/head", "vault"].map(|name| tree.1.join(name));
    let options = WalkOptions::new(&[], &[], false, Some(tree.1.join("vault"))).unwrap();
    let found = discover(&named, &options);
    assert_eq!(tree.names(&found), ["auth.json", "d/a.jsonl", "link"]);
    assert!(found.files.iter().all(|file| file.explicit && file.regular && file.size == 8));
    assert_eq!(found.errors.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), [tree.1.join("gone")]);
    assert_eq!(found.skipped[&SkipReason::Vault], 2);
}

#[test]
fn dots_go_from_a_name_unless_a_link_makes_it_another_file() {
    let tree = Tree::new(&["real/deep/x.jsonl", "real/x.jsonl", "x.jsonl"]);
    symlink(tree.1.join("real/deep"), tree.1.join("link")).unwrap();
    assert_eq!(absolute(&tree.1.join("real/./deep/../x.jsonl")).unwrap(), tree.1.join("real/x.jsonl"));
    assert_eq!(absolute(&tree.1.join("link/../x.jsonl")).unwrap(), tree.1.join("link/../x.jsonl"));
}
