"""Published WebAssembly programs as tests: what they are, how they are got, what they must compute."""
