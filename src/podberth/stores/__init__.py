"""Where ledger, declarations and attachments are kept: one module or package per back end."""
