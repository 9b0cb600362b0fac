module fediverse.example/delay

go 1.22
