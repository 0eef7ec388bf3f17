//! The queries of the product, on the keys of the table.

use doorward_domain::store::ReadStore;
use doorward_testkit::queries;

use crate::contract::connect;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_the_product_can_be_served() {
    let store = connect().await;
    for query in queries::listed() {
        let rows = store.list_rows(query.clone()).await;
        assert_eq!(rows.unwrap(), [], "{query:?}");
    }
    for query in queries::counted() {
        let count = store.count_rows(query.clone()).await;
        assert_eq!(count.unwrap(), 0, "{query:?}");
    }
}
