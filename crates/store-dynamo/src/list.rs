//! Queries: the partitions of an index are read side by side and merged in its order.
//!
//! An index has only keys, so that a write of other columns does not write to it. The rows are read by key, with their latest
//! values, and compared with the query again: an entry can be a moment old.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use doorward_domain::store::{Order, Query, Row, StoreError, Value};
use futures_util::future::try_join_all;

use crate::client::{Connection, answer};
use crate::item::{Item, binary, place_of, row_of};
use crate::layout::{Index, PARTITION, Place, Range, SORT};

/// Maximum number of rows that are read together.
const PAGE: usize = 100;

/// A range, and how it is read.
struct Scan {
    range: Range,
    order: Order,
    /// Names of the partition key and the sort key.
    keys: [String; 2],
    /// For errors.
    operation: String,
}

/// A partition, read in pages.
struct Partition {
    name: String,
    read: VecDeque<Item>,
    /// Where the next page begins; `None` at the beginning.
    next: Option<Item>,
    is_read: bool,
}

/// The rows of a query.
pub(crate) async fn list(table: &Connection, query: &Query) -> Result<Vec<Row>, StoreError> {
    let scan = Scan::of(query)?;
    let mut rows = Vec::new();
    if scan.range.is_empty() || query.limit == 0 {
        return Ok(rows);
    }
    let mut partitions: Vec<Partition> = scan.partitions().collect();
    loop {
        let wanted = match query.only.is_empty() {
            true => (query.limit - rows.len()).min(PAGE),
            false => PAGE,
        };
        // A page may be empty although others follow.
        while partitions.iter().any(Partition::needs_page) {
            let empty = partitions.iter_mut().filter(|one| one.needs_page());
            try_join_all(empty.map(|one| scan.read_page(table, one, wanted))).await?;
        }
        let items = scan.merge(&mut partitions, wanted);
        if items.is_empty() {
            return Ok(rows);
        }
        for item in scan.whole(table, items).await? {
            let row = row_of(query.table, &item);
            if query.covers(&row) {
                rows.push(row_without(query.without, row));
            }
            if rows.len() == query.limit {
                return Ok(rows);
            }
        }
    }
}

/// The items of a partition of the table, in pages.
pub(crate) struct Pages {
    scan: Scan,
    partition: Partition,
}

impl Pages {
    pub(crate) fn of(operation: &str, partition: String) -> Self {
        let range = Range {
            slot: None,
            partitions: Vec::new(),
            bounds: None,
        };
        Self {
            scan: Scan::new(range, Order::Ascending, operation.to_owned()),
            partition: Partition::new(partition),
        }
    }

    /// The next page, which may be empty; `None` after the last.
    pub(crate) async fn next(
        &mut self,
        table: &Connection,
    ) -> Result<Option<Vec<Item>>, StoreError> {
        if self.partition.is_read {
            return Ok(None);
        }
        let wanted = usize::MAX;
        self.scan
            .read_page(table, &mut self.partition, wanted)
            .await?;
        Ok(Some(self.partition.read.drain(..).collect()))
    }
}

impl Scan {
    fn of(query: &Query) -> Result<Self, StoreError> {
        let operation = format!("read {}", query.table.name);
        match Range::of(query) {
            Ok(range) => Ok(Self::new(range, query.order, operation)),
            Err(cause) => Err(StoreError::new(operation, cause)),
        }
    }

    fn new(range: Range, order: Order, operation: String) -> Self {
        let keys = match range.slot {
            Some(slot) => Index::keys(slot),
            None => [PARTITION, SORT].map(str::to_owned),
        };
        Self {
            range,
            order,
            keys,
            operation,
        }
    }

    fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.range.partitions.iter().cloned().map(Partition::new)
    }

    async fn read_page(
        &self,
        table: &Connection,
        partition: &mut Partition,
        wanted: usize,
    ) -> Result<(), StoreError> {
        let slot = self.range.slot;
        let attempt = || {
            let request = table.client.query().table_name(&table.table);
            let mut request = request
                .set_index_name(slot.map(Index::name))
                .consistent_read(slot.is_none())
                .scan_index_forward(self.order == Order::Ascending)
                .set_limit(i32::try_from(wanted).ok())
                .set_exclusive_start_key(partition.next.clone())
                .expression_attribute_names("#p", &self.keys[0])
                .expression_attribute_values(":p", AttributeValue::S(partition.name.clone()));
            let mut condition = "#p = :p";
            if let Some((low, high)) = &self.range.bounds {
                condition = "#p = :p AND #s BETWEEN :low AND :high";
                request = request
                    .expression_attribute_names("#s", &self.keys[1])
                    .expression_attribute_values(":low", binary(low))
                    .expression_attribute_values(":high", binary(high));
            }
            answer(request.key_condition_expression(condition).send())
        };
        let page = table.read(&self.operation, attempt).await?;
        partition.next = page.last_evaluated_key;
        partition.is_read = partition.next.is_none();
        partition.read.extend(page.items.unwrap_or_default());
        Ok(())
    }

    /// Takes items in the order of the index, until a partition needs its next page.
    fn merge(&self, partitions: &mut [Partition], wanted: usize) -> Vec<Item> {
        let mut items = Vec::new();
        while items.len() < wanted && !partitions.iter().any(Partition::needs_page) {
            let filled = partitions.iter_mut().filter(|one| !one.read.is_empty());
            let key = |one: &&mut Partition| self.sort_key(one.read.front()).map(<[u8]>::to_vec);
            let first = match self.order {
                Order::Ascending => filled.min_by_key(key),
                Order::Descending => filled.max_by_key(key),
            };
            match first.and_then(|partition| partition.read.pop_front()) {
                Some(item) => items.push(item),
                None => break,
            }
        }
        items
    }

    fn sort_key<'i>(&self, item: Option<&'i Item>) -> Option<&'i [u8]> {
        let bytes = item?.get(&self.keys[1])?.as_b().ok()?;
        Some(bytes.as_ref())
    }

    /// The items with all attributes, in their order.
    async fn whole(&self, table: &Connection, items: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        if self.range.slot.is_none() {
            return Ok(items);
        }
        let places: Vec<Place> = items.iter().filter_map(place_of).collect();
        let stored = table.get(&self.operation, places.clone()).await?;
        let stored = stored
            .into_iter()
            .filter_map(|item| Some((place_of(&item)?, item)));
        let mut stored: HashMap<Place, Item> = stored.collect();
        Ok(places
            .iter()
            .filter_map(|place| stored.remove(place))
            .collect())
    }
}

impl Partition {
    fn new(name: String) -> Self {
        Self {
            name,
            read: VecDeque::new(),
            next: None,
            is_read: false,
        }
    }

    fn needs_page(&self) -> bool {
        self.read.is_empty() && !self.is_read
    }
}

/// A row without a column.
pub(crate) fn row_without(column: Option<&str>, mut row: Row) -> Row {
    if let Some(column) = column {
        row.values[row.table.position(column)] = Value::Unset;
    }
    row
}
