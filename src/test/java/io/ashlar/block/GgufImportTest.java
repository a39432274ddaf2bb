package io.ashlar.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.DType;
import io.ashlar.engine.TinyModels;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.format.Checkpoint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** GGUF files that are damaged are refused with a sentence that says where; imports that stop are repeated. */
class GgufImportTest {
    @TempDir
    Path root;

    private ModelManifest importFile(Path file, Importer.Progress progress) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            return new Importer(new BlockZoo(root.resolve("zoo"))).model(checkpoint, Quantization.NONE, progress);
        }
    }

    private Path written(byte[] bytes) throws Exception {
        return Files.write(root.resolve("damaged.gguf"), bytes);
    }

    @Test
    void a_truncated_file_is_refused_wherever_it_ends() throws Exception {
        byte[] whole = Files.readAllBytes(TinyModels.write("llama", DType.Q4_0, root));
        Random random = new Random(1);
        for (int i = 0; i < 60; i++) {
            int length = i < 30 ? random.nextInt(4000) : random.nextInt(whole.length - 32);
            Path file = written(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> importFile(file, Importer.Progress.NONE))
                    .as("%d of %d bytes", length, whole.length)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("damaged.gguf");
        }
    }

    @Test
    void damage_is_named() throws Exception {
        byte[] whole = Files.readAllBytes(TinyModels.write("llama", DType.F16, root));
        byte[] magic = whole.clone();
        magic[0] = 'X';
        assertThatThrownBy(() -> importFile(written(magic), Importer.Progress.NONE))
                .hasMessageContaining("does not begin with 'GGUF'");
        byte[] version = whole.clone();
        version[4] = 9;
        assertThatThrownBy(() -> importFile(written(version), Importer.Progress.NONE))
                .hasMessageContaining("version 9 is not supported");
        byte[] count = whole.clone();
        ByteBuffer.wrap(count).order(ByteOrder.LITTLE_ENDIAN).putLong(16, 1L << 40);
        assertThatThrownBy(() -> importFile(written(count), Importer.Progress.NONE))
                .hasMessageContaining("the number of metadata entries is");
    }

    /** Whatever byte of the header is wrong, the answer is a sentence or a model, never a crash. */
    @Test
    void random_damage_of_the_header_never_crashes() throws Exception {
        byte[] whole = Files.readAllBytes(TinyModels.write("qwen2", DType.Q8_0, root));
        Random random = new Random(2);
        for (int i = 0; i < 300; i++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(9000)] = (byte) random.nextInt();
            try (Checkpoint checkpoint = Checkpoint.open(written(damaged))) {
                checkpoint.tokenizer();
                assertThat(checkpoint.tensorNames()).isNotEmpty();
            } catch (CheckpointException e) {
                assertThat(e).hasMessageContaining("damaged.gguf");
            }
        }
    }

    @Test
    void an_import_that_was_stopped_is_repeated() throws Exception {
        Path file = TinyModels.write("llama", DType.Q8_0, root);
        assertThatThrownBy(() -> importFile(file, (blocks, of) -> {
                    if (blocks == 2) {
                        throw new IllegalStateException("stopped");
                    }
                }))
                .hasMessage("stopped");
        int[] seen = new int[2];
        ModelManifest manifest = importFile(file, (blocks, of) -> {
            seen[0]++;
            seen[1] = of;
        });
        assertThat(seen[0]).isEqualTo(seen[1]).isEqualTo(manifest.chain().size());
        assertThat(importFile(file, Importer.Progress.NONE).chain()).isEqualTo(manifest.chain());
    }
}
