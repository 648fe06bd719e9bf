//! hnswlib is headers only and on no registry for Rust: the directory that has `hnswlib/hnswlib.h` is named by `HNSWLIB_DIR`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_hnswlib)");
    println!("cargo::rerun-if-env-changed=HNSWLIB_DIR");
    println!("cargo::rerun-if-changed=src/hnswlib_shim.cpp");
    let Ok(directory) = std::env::var("HNSWLIB_DIR") else {
        println!("cargo::warning=HNSWLIB_DIR is not set: hnswlib is left out");
        return;
    };
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").file("src/hnswlib_shim.cpp").include(directory).opt_level(3).warnings(false);
    // As its own package for Python builds it.
    build.flag("-march=native").define("NDEBUG", None);
    build.compile("hnswlib_shim");
    println!("cargo::rustc-cfg=has_hnswlib");
}
