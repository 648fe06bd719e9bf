# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_turnpack_global_optspecs
    string join \n vault= json q/quiet verbose color= redact= threads= memory-limit= lock-timeout= skip-if-locked V/version h/help
end

function __fish_turnpack_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_turnpack_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_turnpack_using_subcommand
    set -l cmd (__fish_turnpack_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c turnpack -n "__fish_turnpack_needs_command" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_needs_command" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_needs_command" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_needs_command" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_needs_command" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_needs_command" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_needs_command" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_needs_command" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_needs_command" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_needs_command" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_needs_command" -s V -l version -d 'Print the version; with --json also format versions and features'
complete -c turnpack -n "__fish_turnpack_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "ingest" -d 'Take files, directories or a stream into the vault'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "get" -d 'Print records: the exact lines, or readable'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "search" -d 'Search every string of every record, in place'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "embed" -d 'Make vectors of texts, for search --semantic'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "export" -d 'Write lines out of the vault, byte for byte, or conversations in other formats'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "ls" -d 'List sources or conversations'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "stats" -d 'Count records, tokens, errors, latency and cost'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "dedup-report" -d 'Tell where the bytes go, what repeats, and when a prompt changed'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "rm" -d 'Remove records, for good only with --purge or gc'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "log" -d 'List every ingest, rm, gc and compact'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "check" -d 'Verify the vault, or files against it'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "gc" -d 'Drop what no live record needs'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "train-dict" -d 'Train dictionaries for small blocks, list them, choose which are used'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "compact" -d 'Rewrite packs for size'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "reindex" -d 'Rebuild the catalog and all other derived files from the packs'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "config" -d 'Show the settings in force, and where they come from'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "man" -d 'Print a manual page'
complete -c turnpack -n "__fish_turnpack_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l source -d 'Name of the source, instead of its path' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l as -d 'Name sources found in a directory PREFIX/..., instead of by absolute path' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l shape -d 'Shape of the records, instead of detecting it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l map -d 'Mapping for unknown shapes (TOML); kept in the vault' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l context-delimiter -d 'Text that separates a context from the turn after it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l max-segment-bytes -d 'Store longer strings in pieces of this size' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l files-from -d 'Read paths from FILE, one a line; - for standard input' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l include -d 'Only files that match, in directories' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l exclude -d 'No files that match, in directories' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l flush-interval -d 'Commit a stream at least this often [env: TURNPACK_FLUSH_INTERVAL] [default: 5s]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l sync -d 'Flush to disk after each commit or once per batch: each, batch [env: TURNPACK_SYNC] [default: batch]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l append -d 'Add to the source, whatever it holds already'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -s 0 -l null -d 'Paths in --files-from end with a NUL byte'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l all-files -d 'Take files of unknown kind too, in directories (never credentials)'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l no-create -d 'Do not create a vault'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l embed -d 'Then make vectors of what is new with the built-in embedder, as `turnpack embed` does'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -s n -l dry-run -d 'Tell what would happen, write nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l explain -d 'Print how the shape of each source was decided'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l restore-removed -d 'Bring back records that were removed'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l verify-sources -d 'Read known files again instead of trusting size and time'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand ingest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l segment -d 'Segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l conversation -d 'All records of a conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l type -d 'Only segments of this type (with --as text, md or --json)' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l as -d 'Form: the exact line, the line indented, the text, or Markdown [default: raw]' -r -f -a "raw\t''
json\t''
text\t''
md\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s e -l pattern -d 'A pattern; repeat for several, any of which is wanted' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s f -l file -d 'Patterns from a file, one a line; - reads standard input' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l like -d 'Texts that are like what this record\'s user said last, best first' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l queries-from -d 'With --semantic: a query on each line of FILE; - reads standard input' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l granularity -d 'With --semantic or --like: what is found; conversations need `turnpack embed --summary`' -r -f -a "segment\t'Texts'
conversation\t'Conversations'"
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l min-score -d 'With --semantic or --like: leave out hits with a lower score' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l ef -d 'With --semantic or --like: candidates of a walk through a graph [default: 256]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l embedder -d 'With --semantic or --like: whose vectors are searched, as `embed --model` named them' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l command -d 'Command that embeds: JSON lines in, JSON lines out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l model-dir -d 'Folder of sentence-transformers (BERT, such as all-MiniLM-L6-v2), run on the CPU; for programs built with the feature candle' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l endpoint -d 'Server that embeds, as OpenAI does: its address up to /v1' -r -f
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l key-file -d 'File with the key the server wants' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s n -l limit -d 'At most N lines' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l sort -d 'Order: source, time (oldest first) or score [default: source; score with --rank]' -r -f -a "source\t''
time\t''
score\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s F -l fixed-strings -d 'Patterns are literals (the default)'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s E -l regex -d 'Patterns are regular expressions'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l all -d 'Records must hold all patterns'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s i -l ignore-case -d 'Case does not count'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s w -l word-regexp -d 'Only whole words'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l fold -d 'Neither case nor accents nor width count'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l rank -d 'The texts that speak most of the words of QUERY, best first (BM25); 10 unless -n says otherwise'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l semantic -l hybrid -d 'The texts that say most nearly what QUERY says, best first; needs `turnpack embed`. 10 unless -n says otherwise'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l no-lexical -d 'With --semantic: words do not count beside likeness'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l exact -d 'With --semantic or --like: compare every vector, no graph'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l raw -d 'Search the exact bytes of lines, not their strings'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s c -l count -d 'Print the number of occurrences'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l ids -d 'Print record hashes, each once'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l unique -d 'Print each text that has a match once: how many records hold it, and the first and last place'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l distinct -d 'Count each record once, however often it occurs'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s 0 -l null -d 'End lines with a zero byte'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s v -d 'Refused, so that nobody takes it for grep\'s: --verbose explains, and nothing here inverts'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l types -d 'Types of segments [default: all that are words but tool_definitions, with --summary also without system_prompt and context]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l summary -d 'One vector for each conversation: of its first N bytes of text (concat:N), or of what a command makes of it (command:CMD)' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l model -d 'Model: `builtin`, or the name that --command, --endpoint or --model-dir goes by [default for a folder: its own name]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l command -d 'Command that embeds: JSON lines in, JSON lines out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l model-dir -d 'Folder of sentence-transformers (BERT, such as all-MiniLM-L6-v2), run on the CPU; for programs built with the feature candle' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l endpoint -d 'Server that embeds, as OpenAI does: its address up to /v1' -r -f
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l key-file -d 'File with the key the server wants' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l from-log -d 'Take the vectors that records carry under KEY, such as query_embedding; their model is called log:KEY' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l metric -d 'How vectors from the log are compared [default: as those there are, else cosine]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l quantize -d 'How vectors are kept: as int8, or as they are beside it (four bytes more a value; nothing is rounded in the last comparison) [default: as those there are, else int8]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l graph-from -d 'Parts with at least N vectors get a graph (HNSW); smaller ones are looked at whole' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l links -d 'Links of a graph\'s row: M, 4 to 64' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l ef-construction -d 'Candidates looked at for each row of a graph' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l pending -d 'Only what has no vectors yet (the default)'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l all -d 'Everything anew'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -s n -l dry-run -d 'Count what is pending, write nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand embed" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l format -d 'Form of the output' -r -f -a "raw\t'The exact lines'
openai\t'Fine-tuning lines of OpenAI, with tools and calls'
anthropic\t'Requests of Anthropic\'s Messages API'
sharegpt\t'ShareGPT, with function_call and observation'
hf\t'Messages for Hugging Face data sets and chat templates'
md\t'Transcripts in Markdown'
csv\t'A row for each turn'
html\t'Transcripts as one page that needs nothing else'
parquet\t'A table of typed columns for DuckDB, Spark, ClickHouse, pandas'"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -s o -l output -d 'Write files below DIR: for each source with its tree and modification times, or all.FORMAT, or the parts of a split' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l limit -d 'At most N lines, or conversations' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l per -d 'What becomes one conversation, or row, of the output [default: conversation; with parquet: record]' -r -f -a "conversation\t'A session, or the longest of requests that resend their history'
record\t'A record'"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l include -d 'Only texts of this segment type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l exclude -d 'No texts of this segment type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l dedup -d 'Write conversations once that are equal, or near: with four fifths of all runs of five words in common' -r -f -a "exact\t'Equal in all that is said'
near\t'Equal, or near an earlier one'"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l split -d 'Parts in per cent, such as 90/10 (train, test) or 80/10/10 (train, validation, test); near duplicates stay together' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l decontaminate -d 'Leave out conversations that overlap with a text of FILE (JSON lines, a JSON array, or text with blank lines between): 13 words in a row are in both, or a whole turn is a text of 3 to 12 words; instructions do not count' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l decontaminate-words -d 'How many words in a row are an overlap' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l role-as -d 'Who speaks behind a role word that is not known, such as counselor=assistant' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l partition-by -d 'With parquet: directories below the -o one that are named by these, such as day,model; days are those of UTC' -r -f -a "day\t'Day of the event'
month\t'Month of the event'
model\t'Model'
application\t'Application'
provider\t'Who served the model'
shape\t'Shape of the record'"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l no-messages -d 'With parquet: leave out messages and tools and keep the columns about them'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l conversations -d 'List conversations: the same as `ls conversations`'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l sha256 -d 'Compute the SHA-256 of each source, which reads it'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -s l -l long -d 'Read the records, to tell their shape and the time of their last event'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -s a -l all -d 'List older generations of a source too'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l by -d 'Group by this; repeat for groups in groups' -r -f -a "model\t''
app\t''
day\t''
conversation\t''
source\t''
shape\t''
type\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l top -d 'Only the N largest groups' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l prices -d 'What tokens cost where records do not say: TOML, a table for each model (or NAME*) with input, output and, if need be, cached and cache_write, in US dollars for a million tokens' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l tokenizer -d 'Count the text of records that tell no usage, and whose conversation tells none: o200k_base, cl100k_base, p50k_base, p50k_edit or r50k_base' -r -f -a "o200k_base\t''
cl100k_base\t''
p50k_base\t''
p50k_edit\t''
r50k_base\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l totals -d 'Add up tokens, errors, latency and cost of all records'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l witness -d 'Tell how requests went: parts of the latency, quality, routing by model, errors by kind'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l distinct -d 'Count each record once, however often it occurs'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l by -d 'Tell the bytes on disk apart by this' -r -f -a "type\t''
model\t''
app\t''
source\t''
tool\t''
day\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l top -d 'List the N segments whose repetitions had most bytes' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l min-refs -d 'Only segments that are said at least so often' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l near -d 'Find segments that are nearly the same: least similarity of their five-word shingles, 0.5 to 0.99' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l clusters -d 'Put conversations into N heaps by what they are about; needs `turnpack embed`' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l outliers -d 'With --clusters: the N conversations that are least like their heap [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l html -d 'Write everything into one page that needs no network' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l what-if -d 'What would be freed: keep=90d, or keep=2026-01-01' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l prompts -d 'List system prompts and tools of each application in their versions'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l drift -d 'Tell when system prompts and tools changed'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l fail-on-drift -d 'With --drift: end with 1 when something changed'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l witness -d 'Tell how requests went: errors, latency, quality, routing'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand dedup-report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l reason -d 'Why; kept in the log' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l source -d 'Source, by the end of its path; NAME@2 for a generation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l conversation -d 'Conversation' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l exclude-conversation -d 'Conversation that is left out' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l type -d 'Records with a segment of this type' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l role -d 'Records in which this role speaks, as they word it' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l segment -d 'Records that hold this segment, by hash or unique prefix' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l tag -d 'Records with this tag; key=value where tags are a map' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l model -d 'Model' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l app -d 'Application' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l since -d 'Event time at or after: RFC 3339, a date, or an age such as 30d' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l until -d 'Event time before' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l where -d 'Condition on fields and JSON paths, such as \'latency_ms > 2000 and /metadata/tenant = "acme"\'' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l tz -d 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -s n -l dry-run -d 'Tell what would go, write nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -s y -l yes -d 'Do not ask'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l undo -d 'Bring back what was removed and not collected yet'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l purge -d 'Remove from every file now, and print a receipt'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l error -d 'Only records that report an error'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l limit -d 'Only the last N changes' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l read-data-subset -d 'Decode and compare a part: 10%, 2/7 (the second seventh), 5GiB' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l against -d 'Compare files and directories with the vault' -r -F
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l expect -d 'Compare that digest with this one' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l read-data -d 'Decode and compare all stored data'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l digest -d 'Print one BLAKE3 over all sources'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l grace -d 'Keep what was removed more recently than this [env: TURNPACK_GC_GRACE] [default: 7d]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -s n -l dry-run -d 'List candidates, write nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand gc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l samples -d 'Train on this many of the newest small blocks' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l size -d 'Size of a dictionary' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l activate -d 'Use this dictionary' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l retire -d 'Use this dictionary no more' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l list -d 'List dictionaries, train nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l no-activate -d 'Keep new dictionaries without using them'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand train-dict" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l max-runtime -d 'Stop after this long' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l level -d 'How hard to compress, 1 to 22 [default: 19]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l tier -d 'What packs are for: `hot` is read, `cold` is kept' -r -f -a "hot\t''
cold\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -s n -l dry-run -d 'Show what would be rewritten, write nothing'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand compact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l lexical -d 'Lexical parts for all packs: without, only in vaults with 64 MiB of text, for packs with 4 MiB'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand reindex" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l origin -d 'Say where each value comes from'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l vault -d 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]' -r -f -a "(__fish_complete_directories)"
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l color -d 'When to use colours: auto, always, never [env: TURNPACK_COLOR]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l redact -d 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]' -r -f -a "secrets\t''"
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l threads -d 'Worker threads [env: TURNPACK_THREADS] [default: all processors]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l memory-limit -d 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l lock-timeout -d 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]' -r
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l json -d 'Print JSON: one document for reports, lines for lists'
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -s q -l quiet -d 'Say nothing when all is well'
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l verbose -d 'Explain decisions on stderr'
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -l skip-if-locked -d 'Leave quietly (exit 0) when another process writes'
complete -c turnpack -n "__fish_turnpack_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "ingest" -d 'Take files, directories or a stream into the vault'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "get" -d 'Print records: the exact lines, or readable'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "search" -d 'Search every string of every record, in place'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "embed" -d 'Make vectors of texts, for search --semantic'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "export" -d 'Write lines out of the vault, byte for byte, or conversations in other formats'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "ls" -d 'List sources or conversations'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "stats" -d 'Count records, tokens, errors, latency and cost'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "dedup-report" -d 'Tell where the bytes go, what repeats, and when a prompt changed'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "rm" -d 'Remove records, for good only with --purge or gc'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "log" -d 'List every ingest, rm, gc and compact'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "check" -d 'Verify the vault, or files against it'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "gc" -d 'Drop what no live record needs'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "train-dict" -d 'Train dictionaries for small blocks, list them, choose which are used'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "compact" -d 'Rewrite packs for size'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "reindex" -d 'Rebuild the catalog and all other derived files from the packs'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "config" -d 'Show the settings in force, and where they come from'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "man" -d 'Print a manual page'
complete -c turnpack -n "__fish_turnpack_using_subcommand help; and not __fish_seen_subcommand_from ingest get search embed export ls stats dedup-report rm log check gc train-dict compact reindex config completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
