package io.ashlar.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The PTX in the repository is that of the sources in the repository. */
class PtxTest {
    private static final Path SOURCES = Path.of("src", "main", "cuda");

    private static final String PTX = new String(Ptx.load(), StandardCharsets.US_ASCII);

    @Test
    void it_was_made_from_these_sources() throws Exception {
        MessageDigest hash = MessageDigest.getInstance("SHA-256");
        // As the build script has it: by kind, and by name within a kind.
        for (String kind : List.of(".h", ".cuh", ".cu")) {
            for (Path file : files(kind)) {
                hash.update(Files.readAllBytes(file));
            }
        }
        assertThat(PTX.lines().findFirst().orElseThrow())
                .as("run src/main/cuda/build where there is an nvcc")
                .isEqualTo("// sources: " + HexFormat.of().formatHex(hash.digest()));
    }

    private static List<Path> files(String kind) throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            return files.filter(f -> f.toString().endsWith(kind)).sorted().toList();
        }
    }

    @Test
    void it_is_for_the_drivers_and_gpus_that_the_messages_name() {
        assertThat(PTX).contains(".version 7.4\n").contains(".target sm_80\n");
    }
}
