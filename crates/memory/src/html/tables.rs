//! Which tables of a text hold data, and which only lay out what is in them (e-mails are made of such).

use super::tokens::Token;

/// Whether each table, in the order of their opening tags, is one of data: rows of several cells, and no table in them. A row
/// of such a table is one line; what lays out keeps its blocks.
pub(super) fn of_data(tokens: &[Token<'_>]) -> Vec<bool> {
    #[derive(Default)]
    struct Table {
        cells: usize,
        has_row_of_several: bool,
        is_nested_in: bool,
    }
    let mut tables: Vec<Table> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for token in tokens {
        let (name, opens) = match token {
            Token::Open { name, .. } => (name.as_str(), true),
            Token::Close { name } => (name.as_str(), false),
            Token::Text(_) => continue,
        };
        if name == "table" && opens {
            if let Some(outer) = open.last().and_then(|at| tables.get_mut(*at)) {
                outer.is_nested_in = true;
            }
            open.push(tables.len());
            tables.push(Table::default());
        } else if name == "table" {
            open.pop();
        } else if let Some(table) = open.last().and_then(|at| tables.get_mut(*at)) {
            match (name, opens) {
                ("tr", true) => table.cells = 0,
                ("td" | "th", true) => {
                    table.cells += 1;
                    table.has_row_of_several |= table.cells > 1;
                }
                _ => {}
            }
        }
    }
    tables.iter().map(|table| table.has_row_of_several && !table.is_nested_in).collect()
}
