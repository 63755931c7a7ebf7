//! Where a file can be changed: expressions, arms, bodies, and what stands in constants.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Ranges of bytes of a file, by where what is changed begins.
#[derive(Default)]
pub struct Places {
    /// By the operator: the expression, and its sides.
    pub binaries: BTreeMap<usize, [Range<usize>; 3]>,
    /// By the operator: the expression, and what stands behind it.
    pub unaries: BTreeMap<usize, [Range<usize>; 2]>,
    /// By the arm: where its pattern ends, and its guard.
    pub arms: BTreeMap<usize, (usize, Option<Range<usize>>)>,
    pub guards: BTreeMap<usize, Range<usize>>,
    /// By the field: it, and the expression that it is part of.
    pub fields: BTreeMap<usize, [Range<usize>; 2]>,
    /// Operators between which there is a `let`.
    pub chains: Vec<usize>,
    /// What is worked out while the crate is compiled.
    pub constants: Vec<Range<usize>>,
    pub const_functions: Vec<ConstFunction>,
    /// What only tests and checkers have.
    pub for_tests: Vec<Range<usize>>,
}

/// A function that may be called while the crate is compiled.
pub struct ConstFunction {
    pub name: String,
    pub range: Range<usize>,
    /// The word that says so.
    pub word: Range<usize>,
}

impl Places {
    pub fn of(text: &str) -> syn::Result<Self> {
        let mut places = Self::default();
        places.visit_file(&syn::parse_file(text)?);
        Ok(places)
    }

    fn function(
        &mut self,
        attributes: &[syn::Attribute],
        signature: &syn::Signature,
        range: Range<usize>,
    ) {
        if is_for_tests(attributes) {
            self.for_tests.push(range.clone());
        }
        if let Some(word) = &signature.constness {
            let name = signature.ident.to_string();
            self.const_functions.push(ConstFunction { name, range, word: bytes(word.span()) });
        }
    }
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, expression: &'ast syn::ExprBinary) {
        let [left, right] = [&expression.left, &expression.right];
        let at = bytes(expression.op.span()).start;
        if has_let(left) || has_let(right) {
            self.chains.push(at);
        } else {
            let [whole, left, right] = [expression.span(), left.span(), right.span()].map(bytes);
            self.binaries.insert(at, [whole, left, right]);
        }
        visit::visit_expr_binary(self, expression);
    }

    fn visit_expr_unary(&mut self, expression: &'ast syn::ExprUnary) {
        let [whole, behind] = [expression.span(), expression.expr.span()].map(bytes);
        self.unaries.insert(bytes(expression.op.span()).start, [whole, behind]);
        visit::visit_expr_unary(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| bytes(guard.span()));
        if let Some(guard) = &guard {
            self.guards.insert(guard.start, guard.clone());
        }
        self.arms.insert(bytes(arm.span()).start, (bytes(arm.pat.span()).end, guard));
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        let whole = bytes(expression.span());
        for field in &expression.fields {
            let field = bytes(field.span());
            self.fields.insert(field.start, [field, whole.clone()]);
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, bytes(item.span()));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, bytes(item.span()));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if is_for_tests(attributes) {
            self.for_tests.push(bytes(item.span()));
        }
        if let syn::Item::Const(_) | syn::Item::Static(_) = item {
            self.constants.push(bytes(item.span()));
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constants.push(bytes(item.span()));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.constants.push(bytes(item.span()));
    }

    fn visit_expr_const(&mut self, expression: &'ast syn::ExprConst) {
        self.constants.push(bytes(expression.span()));
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.constants.push(bytes(array.len.span()));
    }

    fn visit_expr_repeat(&mut self, expression: &'ast syn::ExprRepeat) {
        self.constants.push(bytes(expression.len.span()));
        self.visit_expr(&expression.expr);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.constants.push(bytes(variant.span()));
    }

    fn visit_generic_argument(&mut self, argument: &'ast syn::GenericArgument) {
        if let syn::GenericArgument::Const(expression) = argument {
            self.constants.push(bytes(expression.span()));
        }
        visit::visit_generic_argument(self, argument);
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        self.constants.push(bytes(pattern.span()));
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let words = ["test", "fuzzing", "loom", "shuttle"];
            let without =
                |condition: String, word: &&str| condition.replace(&format!("not ({word})"), "");
            let condition = words.iter().fold(list.tokens.to_string(), without);
            words.iter().any(|word| condition.contains(word))
        }
        _ => false,
    })
}
