"""What every process that stays needs, and no process that ends: loops that go on. It knows no other room."""
