//! Our own source, read as the compiler reads it.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace has a root")
}

/// One function with a body.
pub struct Function {
    /// `file:line name`, as an editor opens it.
    pub place: String,
    /// Lines of the body that are neither blank nor a comment.
    pub lines: usize,
    /// Arguments, `self` among them.
    pub arguments: usize,
    /// Whether it is `async`.
    pub is_async: bool,
}

/// What was found in one file.
#[derive(Default)]
pub struct Found {
    /// The path from the root.
    pub path: String,
    /// Lines outside `#[cfg(test)]`.
    pub lines: usize,
    /// Functions outside tests.
    pub functions: Vec<Function>,
    /// The places of `#[ignore]`.
    pub ignored: Vec<String>,
    /// The places in tests that wait for time to pass.
    pub waits: Vec<String>,
}

/// Everything in `crates/*/{src,tests}` and `bench/src`.
pub fn read() -> Vec<Found> {
    let mut paths = Vec::new();
    for folder in ["crates", "bench"] {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    paths.iter().map(|path| examine(path)).collect()
}

/// The text of a crate without its tests' folder.
pub fn text(folder: &str) -> String {
    let mut paths = Vec::new();
    collect(&root().join(folder).join("src"), &mut paths);
    paths.iter().map(|path| fs::read_to_string(path).expect("a source file can be read")).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the source can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn examine(path: &Path) -> Found {
    let text = fs::read_to_string(path).expect("a source file can be read");
    let name = path.strip_prefix(root()).expect("the file is below the root").display().to_string();
    let file = syn::parse_file(&text)
        .unwrap_or_else(|error| panic!("{name}:{}: {error}", error.span().start().line));
    let found = Found { lines: text.lines().count(), path: name, ..Found::default() };
    let in_test = found.path.contains("/tests/");
    let mut reader = Reader { lines: text.lines().collect(), in_test, found };
    reader.visit_file(&file);
    reader.found
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    in_test: bool,
    found: Found,
}

impl Reader<'_> {
    fn place(&self, span: Span) -> String {
        format!("{}:{}", self.found.path, span.start().line)
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        if self.in_test {
            return;
        }
        self.found.functions.push(Function {
            place: format!("{} {}", self.place(signature.ident.span()), signature.ident),
            lines: self.code_lines(body),
            arguments: signature.inputs.len(),
            is_async: signature.asyncness.is_some(),
        });
    }

    fn code_lines(&self, body: &syn::Block) -> usize {
        let braces = body.brace_token.span;
        let (first, last) = (braces.open().start().line, braces.close().start().line);
        if first == last {
            return body.stmts.len().min(1);
        }
        let inside = self.lines.iter().take(last - 1).skip(first);
        inside.filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count()
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.word(&ident.to_string(), ident.span()),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn word(&mut self, word: &str, span: Span) {
        if self.in_test && ["sleep", "sleep_until"].contains(&word) {
            self.found.waits.push(self.place(span));
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => attribute.path().is_ident("test"),
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let outside = self.in_test;
        if !outside && is_for_tests(&module.attrs) {
            self.in_test = true;
            let span = module.span();
            self.found.lines -= span.end().line + 1 - span.start().line;
        }
        visit::visit_item_mod(self, module);
        self.in_test = outside;
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            self.found.ignored.push(self.place(attribute.span()));
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.word(&ident.to_string(), ident.span());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
