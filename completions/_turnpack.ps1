
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'turnpack' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'turnpack'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'turnpack' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version; with --json also format versions and features')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version; with --json also format versions and features')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('ingest', 'ingest', [CompletionResultType]::ParameterValue, 'Take files, directories or a stream into the vault')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print records: the exact lines, or readable')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Search every string of every record, in place')
            [CompletionResult]::new('embed', 'embed', [CompletionResultType]::ParameterValue, 'Make vectors of texts, for search --semantic')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write lines out of the vault, byte for byte, or conversations in other formats')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List sources or conversations')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Count records, tokens, errors, latency and cost')
            [CompletionResult]::new('dedup-report', 'dedup-report', [CompletionResultType]::ParameterValue, 'Tell where the bytes go, what repeats, and when a prompt changed')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove records, for good only with --purge or gc')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'List every ingest, rm, gc and compact')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Verify the vault, or files against it')
            [CompletionResult]::new('gc', 'gc', [CompletionResultType]::ParameterValue, 'Drop what no live record needs')
            [CompletionResult]::new('train-dict', 'train-dict', [CompletionResultType]::ParameterValue, 'Train dictionaries for small blocks, list them, choose which are used')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'Rewrite packs for size')
            [CompletionResult]::new('reindex', 'reindex', [CompletionResultType]::ParameterValue, 'Rebuild the catalog and all other derived files from the packs')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show the settings in force, and where they come from')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'turnpack;ingest' {
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Name of the source, instead of its path')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Name sources found in a directory PREFIX/..., instead of by absolute path')
            [CompletionResult]::new('--shape', '--shape', [CompletionResultType]::ParameterName, 'Shape of the records, instead of detecting it')
            [CompletionResult]::new('--map', '--map', [CompletionResultType]::ParameterName, 'Mapping for unknown shapes (TOML); kept in the vault')
            [CompletionResult]::new('--context-delimiter', '--context-delimiter', [CompletionResultType]::ParameterName, 'Text that separates a context from the turn after it')
            [CompletionResult]::new('--max-segment-bytes', '--max-segment-bytes', [CompletionResultType]::ParameterName, 'Store longer strings in pieces of this size')
            [CompletionResult]::new('--files-from', '--files-from', [CompletionResultType]::ParameterName, 'Read paths from FILE, one a line; - for standard input')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Only files that match, in directories')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'No files that match, in directories')
            [CompletionResult]::new('--flush-interval', '--flush-interval', [CompletionResultType]::ParameterName, 'Commit a stream at least this often [env: TURNPACK_FLUSH_INTERVAL] [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'Flush to disk after each commit or once per batch: each, batch [env: TURNPACK_SYNC] [default: batch]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--append', '--append', [CompletionResultType]::ParameterName, 'Add to the source, whatever it holds already')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Paths in --files-from end with a NUL byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Paths in --files-from end with a NUL byte')
            [CompletionResult]::new('--all-files', '--all-files', [CompletionResultType]::ParameterName, 'Take files of unknown kind too, in directories (never credentials)')
            [CompletionResult]::new('--no-create', '--no-create', [CompletionResultType]::ParameterName, 'Do not create a vault')
            [CompletionResult]::new('--embed', '--embed', [CompletionResultType]::ParameterName, 'Then make vectors of what is new with the built-in embedder, as `turnpack embed` does')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tell what would happen, write nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Tell what would happen, write nothing')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Print how the shape of each source was decided')
            [CompletionResult]::new('--restore-removed', '--restore-removed', [CompletionResultType]::ParameterName, 'Bring back records that were removed')
            [CompletionResult]::new('--verify-sources', '--verify-sources', [CompletionResultType]::ParameterName, 'Read known files again instead of trusting size and time')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;get' {
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Segment, by hash or unique prefix')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'All records of a conversation')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only segments of this type (with --as text, md or --json)')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Form: the exact line, the line indented, the text, or Markdown [default: raw]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;search' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'A pattern; repeat for several, any of which is wanted')
            [CompletionResult]::new('--pattern', '--pattern', [CompletionResultType]::ParameterName, 'A pattern; repeat for several, any of which is wanted')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Patterns from a file, one a line; - reads standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Patterns from a file, one a line; - reads standard input')
            [CompletionResult]::new('--like', '--like', [CompletionResultType]::ParameterName, 'Texts that are like what this record''s user said last, best first')
            [CompletionResult]::new('--queries-from', '--queries-from', [CompletionResultType]::ParameterName, 'With --semantic: a query on each line of FILE; - reads standard input')
            [CompletionResult]::new('--granularity', '--granularity', [CompletionResultType]::ParameterName, 'With --semantic or --like: what is found; conversations need `turnpack embed --summary`')
            [CompletionResult]::new('--min-score', '--min-score', [CompletionResultType]::ParameterName, 'With --semantic or --like: leave out hits with a lower score')
            [CompletionResult]::new('--ef', '--ef', [CompletionResultType]::ParameterName, 'With --semantic or --like: candidates of a walk through a graph [default: 256]')
            [CompletionResult]::new('--embedder', '--embedder', [CompletionResultType]::ParameterName, 'With --semantic or --like: whose vectors are searched, as `embed --model` named them')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'Command that embeds: JSON lines in, JSON lines out')
            [CompletionResult]::new('--model-dir', '--model-dir', [CompletionResultType]::ParameterName, 'Folder of sentence-transformers (BERT, such as all-MiniLM-L6-v2), run on the CPU; for programs built with the feature candle')
            [CompletionResult]::new('--endpoint', '--endpoint', [CompletionResultType]::ParameterName, 'Server that embeds, as OpenAI does: its address up to /v1')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'File with the key the server wants')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'At most N lines')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most N lines')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order: source, time (oldest first) or score [default: source; score with --rank]')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Patterns are literals (the default)')
            [CompletionResult]::new('--fixed-strings', '--fixed-strings', [CompletionResultType]::ParameterName, 'Patterns are literals (the default)')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Patterns are regular expressions')
            [CompletionResult]::new('--regex', '--regex', [CompletionResultType]::ParameterName, 'Patterns are regular expressions')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Records must hold all patterns')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Case does not count')
            [CompletionResult]::new('--ignore-case', '--ignore-case', [CompletionResultType]::ParameterName, 'Case does not count')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Only whole words')
            [CompletionResult]::new('--word-regexp', '--word-regexp', [CompletionResultType]::ParameterName, 'Only whole words')
            [CompletionResult]::new('--fold', '--fold', [CompletionResultType]::ParameterName, 'Neither case nor accents nor width count')
            [CompletionResult]::new('--rank', '--rank', [CompletionResultType]::ParameterName, 'The texts that speak most of the words of QUERY, best first (BM25); 10 unless -n says otherwise')
            [CompletionResult]::new('--semantic', '--semantic', [CompletionResultType]::ParameterName, 'The texts that say most nearly what QUERY says, best first; needs `turnpack embed`. 10 unless -n says otherwise')
            [CompletionResult]::new('--hybrid', '--hybrid', [CompletionResultType]::ParameterName, 'The texts that say most nearly what QUERY says, best first; needs `turnpack embed`. 10 unless -n says otherwise')
            [CompletionResult]::new('--no-lexical', '--no-lexical', [CompletionResultType]::ParameterName, 'With --semantic: words do not count beside likeness')
            [CompletionResult]::new('--exact', '--exact', [CompletionResultType]::ParameterName, 'With --semantic or --like: compare every vector, no graph')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Search the exact bytes of lines, not their strings')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Print the number of occurrences')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Print the number of occurrences')
            [CompletionResult]::new('--ids', '--ids', [CompletionResultType]::ParameterName, 'Print record hashes, each once')
            [CompletionResult]::new('--unique', '--unique', [CompletionResultType]::ParameterName, 'Print each text that has a match once: how many records hold it, and the first and last place')
            [CompletionResult]::new('--distinct', '--distinct', [CompletionResultType]::ParameterName, 'Count each record once, however often it occurs')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'End lines with a zero byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'End lines with a zero byte')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Refused, so that nobody takes it for grep''s: --verbose explains, and nothing here inverts')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;embed' {
            [CompletionResult]::new('--types', '--types', [CompletionResultType]::ParameterName, 'Types of segments [default: all that are words but tool_definitions, with --summary also without system_prompt and context]')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'One vector for each conversation: of its first N bytes of text (concat:N), or of what a command makes of it (command:CMD)')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model: `builtin`, or the name that --command, --endpoint or --model-dir goes by [default for a folder: its own name]')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'Command that embeds: JSON lines in, JSON lines out')
            [CompletionResult]::new('--model-dir', '--model-dir', [CompletionResultType]::ParameterName, 'Folder of sentence-transformers (BERT, such as all-MiniLM-L6-v2), run on the CPU; for programs built with the feature candle')
            [CompletionResult]::new('--endpoint', '--endpoint', [CompletionResultType]::ParameterName, 'Server that embeds, as OpenAI does: its address up to /v1')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'File with the key the server wants')
            [CompletionResult]::new('--from-log', '--from-log', [CompletionResultType]::ParameterName, 'Take the vectors that records carry under KEY, such as query_embedding; their model is called log:KEY')
            [CompletionResult]::new('--metric', '--metric', [CompletionResultType]::ParameterName, 'How vectors from the log are compared [default: as those there are, else cosine]')
            [CompletionResult]::new('--quantize', '--quantize', [CompletionResultType]::ParameterName, 'How vectors are kept: as int8, or as they are beside it (four bytes more a value; nothing is rounded in the last comparison) [default: as those there are, else int8]')
            [CompletionResult]::new('--graph-from', '--graph-from', [CompletionResultType]::ParameterName, 'Parts with at least N vectors get a graph (HNSW); smaller ones are looked at whole')
            [CompletionResult]::new('--links', '--links', [CompletionResultType]::ParameterName, 'Links of a graph''s row: M, 4 to 64')
            [CompletionResult]::new('--ef-construction', '--ef-construction', [CompletionResultType]::ParameterName, 'Candidates looked at for each row of a graph')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--pending', '--pending', [CompletionResultType]::ParameterName, 'Only what has no vectors yet (the default)')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Everything anew')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Count what is pending, write nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Count what is pending, write nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;export' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Form of the output')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write files below DIR: for each source with its tree and modification times, or all.FORMAT, or the parts of a split')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write files below DIR: for each source with its tree and modification times, or all.FORMAT, or the parts of a split')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most N lines, or conversations')
            [CompletionResult]::new('--per', '--per', [CompletionResultType]::ParameterName, 'What becomes one conversation, or row, of the output [default: conversation; with parquet: record]')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Only texts of this segment type')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'No texts of this segment type')
            [CompletionResult]::new('--dedup', '--dedup', [CompletionResultType]::ParameterName, 'Write conversations once that are equal, or near: with four fifths of all runs of five words in common')
            [CompletionResult]::new('--split', '--split', [CompletionResultType]::ParameterName, 'Parts in per cent, such as 90/10 (train, test) or 80/10/10 (train, validation, test); near duplicates stay together')
            [CompletionResult]::new('--decontaminate', '--decontaminate', [CompletionResultType]::ParameterName, 'Leave out conversations that overlap with a text of FILE (JSON lines, a JSON array, or text with blank lines between): 13 words in a row are in both, or a whole turn is a text of 3 to 12 words; instructions do not count')
            [CompletionResult]::new('--decontaminate-words', '--decontaminate-words', [CompletionResultType]::ParameterName, 'How many words in a row are an overlap')
            [CompletionResult]::new('--role-as', '--role-as', [CompletionResultType]::ParameterName, 'Who speaks behind a role word that is not known, such as counselor=assistant')
            [CompletionResult]::new('--partition-by', '--partition-by', [CompletionResultType]::ParameterName, 'With parquet: directories below the -o one that are named by these, such as day,model; days are those of UTC')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--no-messages', '--no-messages', [CompletionResultType]::ParameterName, 'With parquet: leave out messages and tools and keep the columns about them')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;ls' {
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--conversations', '--conversations', [CompletionResultType]::ParameterName, 'List conversations: the same as `ls conversations`')
            [CompletionResult]::new('--sha256', '--sha256', [CompletionResultType]::ParameterName, 'Compute the SHA-256 of each source, which reads it')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Read the records, to tell their shape and the time of their last event')
            [CompletionResult]::new('--long', '--long', [CompletionResultType]::ParameterName, 'Read the records, to tell their shape and the time of their last event')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'List older generations of a source too')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'List older generations of a source too')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;stats' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'Group by this; repeat for groups in groups')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'Only the N largest groups')
            [CompletionResult]::new('--prices', '--prices', [CompletionResultType]::ParameterName, 'What tokens cost where records do not say: TOML, a table for each model (or NAME*) with input, output and, if need be, cached and cache_write, in US dollars for a million tokens')
            [CompletionResult]::new('--tokenizer', '--tokenizer', [CompletionResultType]::ParameterName, 'Count the text of records that tell no usage, and whose conversation tells none: o200k_base, cl100k_base, p50k_base, p50k_edit or r50k_base')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--totals', '--totals', [CompletionResultType]::ParameterName, 'Add up tokens, errors, latency and cost of all records')
            [CompletionResult]::new('--witness', '--witness', [CompletionResultType]::ParameterName, 'Tell how requests went: parts of the latency, quality, routing by model, errors by kind')
            [CompletionResult]::new('--distinct', '--distinct', [CompletionResultType]::ParameterName, 'Count each record once, however often it occurs')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;dedup-report' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'Tell the bytes on disk apart by this')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'List the N segments whose repetitions had most bytes')
            [CompletionResult]::new('--min-refs', '--min-refs', [CompletionResultType]::ParameterName, 'Only segments that are said at least so often')
            [CompletionResult]::new('--near', '--near', [CompletionResultType]::ParameterName, 'Find segments that are nearly the same: least similarity of their five-word shingles, 0.5 to 0.99')
            [CompletionResult]::new('--clusters', '--clusters', [CompletionResultType]::ParameterName, 'Put conversations into N heaps by what they are about; needs `turnpack embed`')
            [CompletionResult]::new('--outliers', '--outliers', [CompletionResultType]::ParameterName, 'With --clusters: the N conversations that are least like their heap [default: 0]')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Write everything into one page that needs no network')
            [CompletionResult]::new('--what-if', '--what-if', [CompletionResultType]::ParameterName, 'What would be freed: keep=90d, or keep=2026-01-01')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--prompts', '--prompts', [CompletionResultType]::ParameterName, 'List system prompts and tools of each application in their versions')
            [CompletionResult]::new('--drift', '--drift', [CompletionResultType]::ParameterName, 'Tell when system prompts and tools changed')
            [CompletionResult]::new('--fail-on-drift', '--fail-on-drift', [CompletionResultType]::ParameterName, 'With --drift: end with 1 when something changed')
            [CompletionResult]::new('--witness', '--witness', [CompletionResultType]::ParameterName, 'Tell how requests went: errors, latency, quality, routing')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;rm' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why; kept in the log')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Source, by the end of its path; NAME@2 for a generation')
            [CompletionResult]::new('--conversation', '--conversation', [CompletionResultType]::ParameterName, 'Conversation')
            [CompletionResult]::new('--exclude-conversation', '--exclude-conversation', [CompletionResultType]::ParameterName, 'Conversation that is left out')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Records with a segment of this type')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Records in which this role speaks, as they word it')
            [CompletionResult]::new('--segment', '--segment', [CompletionResultType]::ParameterName, 'Records that hold this segment, by hash or unique prefix')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Records with this tag; key=value where tags are a map')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model')
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Application')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Event time at or after: RFC 3339, a date, or an age such as 30d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Event time before')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Condition on fields and JSON paths, such as ''latency_ms > 2000 and /metadata/tenant = "acme"''')
            [CompletionResult]::new('--tz', '--tz', [CompletionResultType]::ParameterName, 'Time zone of times without one [env: TURNPACK_TZ] [default: UTC]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Tell what would go, write nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Tell what would go, write nothing')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Bring back what was removed and not collected yet')
            [CompletionResult]::new('--purge', '--purge', [CompletionResultType]::ParameterName, 'Remove from every file now, and print a receipt')
            [CompletionResult]::new('--error', '--error', [CompletionResultType]::ParameterName, 'Only records that report an error')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;log' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Only the last N changes')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;check' {
            [CompletionResult]::new('--read-data-subset', '--read-data-subset', [CompletionResultType]::ParameterName, 'Decode and compare a part: 10%, 2/7 (the second seventh), 5GiB')
            [CompletionResult]::new('--against', '--against', [CompletionResultType]::ParameterName, 'Compare files and directories with the vault')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Compare that digest with this one')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--read-data', '--read-data', [CompletionResultType]::ParameterName, 'Decode and compare all stored data')
            [CompletionResult]::new('--digest', '--digest', [CompletionResultType]::ParameterName, 'Print one BLAKE3 over all sources')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;gc' {
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Keep what was removed more recently than this [env: TURNPACK_GC_GRACE] [default: 7d]')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'List candidates, write nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'List candidates, write nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;train-dict' {
            [CompletionResult]::new('--samples', '--samples', [CompletionResultType]::ParameterName, 'Train on this many of the newest small blocks')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Size of a dictionary')
            [CompletionResult]::new('--activate', '--activate', [CompletionResultType]::ParameterName, 'Use this dictionary')
            [CompletionResult]::new('--retire', '--retire', [CompletionResultType]::ParameterName, 'Use this dictionary no more')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List dictionaries, train nothing')
            [CompletionResult]::new('--no-activate', '--no-activate', [CompletionResultType]::ParameterName, 'Keep new dictionaries without using them')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;compact' {
            [CompletionResult]::new('--max-runtime', '--max-runtime', [CompletionResultType]::ParameterName, 'Stop after this long')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'How hard to compress, 1 to 22 [default: 19]')
            [CompletionResult]::new('--tier', '--tier', [CompletionResultType]::ParameterName, 'What packs are for: `hot` is read, `cold` is kept')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Show what would be rewritten, write nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be rewritten, write nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;reindex' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--lexical', '--lexical', [CompletionResultType]::ParameterName, 'Lexical parts for all packs: without, only in vaults with 64 MiB of text, for packs with 4 MiB')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;config' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Say where each value comes from')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;completions' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;man' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault [env: TURNPACK_VAULT] [default: $XDG_DATA_HOME/turnpack, else ~/.local/share/turnpack]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours: auto, always, never [env: TURNPACK_COLOR]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace what must not be seen in all that is shown or exported: secrets [env: TURNPACK_REDACT]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Worker threads [env: TURNPACK_THREADS] [default: all processors]')
            [CompletionResult]::new('--memory-limit', '--memory-limit', [CompletionResultType]::ParameterName, 'Memory to aim at, such as 512M: bounds reading ahead and decoder windows [env: TURNPACK_MEMORY_LIMIT]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another writer: 0, 10m, forever [env: TURNPACK_LOCK_TIMEOUT] [default: 0]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: one document for reports, lines for lists')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing when all is well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain decisions on stderr')
            [CompletionResult]::new('--skip-if-locked', '--skip-if-locked', [CompletionResultType]::ParameterName, 'Leave quietly (exit 0) when another process writes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'turnpack;help' {
            [CompletionResult]::new('ingest', 'ingest', [CompletionResultType]::ParameterValue, 'Take files, directories or a stream into the vault')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print records: the exact lines, or readable')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Search every string of every record, in place')
            [CompletionResult]::new('embed', 'embed', [CompletionResultType]::ParameterValue, 'Make vectors of texts, for search --semantic')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write lines out of the vault, byte for byte, or conversations in other formats')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List sources or conversations')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Count records, tokens, errors, latency and cost')
            [CompletionResult]::new('dedup-report', 'dedup-report', [CompletionResultType]::ParameterValue, 'Tell where the bytes go, what repeats, and when a prompt changed')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove records, for good only with --purge or gc')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'List every ingest, rm, gc and compact')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Verify the vault, or files against it')
            [CompletionResult]::new('gc', 'gc', [CompletionResultType]::ParameterValue, 'Drop what no live record needs')
            [CompletionResult]::new('train-dict', 'train-dict', [CompletionResultType]::ParameterValue, 'Train dictionaries for small blocks, list them, choose which are used')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'Rewrite packs for size')
            [CompletionResult]::new('reindex', 'reindex', [CompletionResultType]::ParameterValue, 'Rebuild the catalog and all other derived files from the packs')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show the settings in force, and where they come from')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'turnpack;help;ingest' {
            break
        }
        'turnpack;help;get' {
            break
        }
        'turnpack;help;search' {
            break
        }
        'turnpack;help;embed' {
            break
        }
        'turnpack;help;export' {
            break
        }
        'turnpack;help;ls' {
            break
        }
        'turnpack;help;stats' {
            break
        }
        'turnpack;help;dedup-report' {
            break
        }
        'turnpack;help;rm' {
            break
        }
        'turnpack;help;log' {
            break
        }
        'turnpack;help;check' {
            break
        }
        'turnpack;help;gc' {
            break
        }
        'turnpack;help;train-dict' {
            break
        }
        'turnpack;help;compact' {
            break
        }
        'turnpack;help;reindex' {
            break
        }
        'turnpack;help;config' {
            break
        }
        'turnpack;help;completions' {
            break
        }
        'turnpack;help;man' {
            break
        }
        'turnpack;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
