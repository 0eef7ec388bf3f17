//! `doorward backup FILE`

use doorward_store_sql::back_up;
use serde_json::json;

use super::Output;
use crate::cli::BackupArgs;
use crate::config::Config;

pub(super) async fn run(config: &Config, args: &BackupArgs, output: Output) -> anyhow::Result<()> {
    back_up(&config.database_url(), &args.file).await?;
    let file = args.file.display().to_string();
    let mut text = format!("The database is in {file}.");
    if config.master_key.is_none() {
        let key = config.data_dir.join("master.key");
        text += &format!(
            "\nKeep a copy of {} too, somewhere else: without it everybody has to sign in again.",
            key.display()
        );
    }
    output.print(&text, &json!({"file": file}))?;
    Ok(())
}
