package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.format.Checkpoint;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A fine-tune stored as its base plus differences. */
class DivergenceTest {
    private static final List<String> PROBES = List.of(
            "<|im_start|>user\nWhat is the capital of Japan?<|im_end|>\n<|im_start|>assistant\nArr! The capital of Japan be Tokyo.");

    @TempDir
    Path root;

    private ModelManifest exact(BlockZoo zoo, String name) {
        try (Checkpoint checkpoint = Checkpoint.open(DemoModels.FOLDER.resolve(name))) {
            return new Importer(zoo).model(checkpoint, Quantization.NONE, Importer.Progress.NONE);
        }
    }

    private AdapterManifest near(BlockZoo zoo, ModelManifest base, String name, int rank) {
        try (Checkpoint checkpoint = Checkpoint.open(DemoModels.FOLDER.resolve(name))) {
            return new Importer(zoo).difference(checkpoint, "demo-base", base, rank);
        }
    }

    @Test
    void a_higher_rank_is_nearer_and_the_full_rank_is_the_model() {
        BlockZoo zoo = new BlockZoo(root);
        ModelManifest base = exact(zoo, "demo-base");
        ModelManifest pirate = exact(zoo, "demo-pirate");
        double far = Divergence.measure(zoo, pirate, base, near(zoo, base, "demo-pirate", 2), PROBES)
                .mean();
        double nearer = Divergence.measure(zoo, pirate, base, near(zoo, base, "demo-pirate", 32), PROBES)
                .mean();
        AdapterManifest full = near(zoo, base, "demo-pirate", 256);
        Divergence same = Divergence.measure(zoo, pirate, base, full, PROBES);
        assertThat(far).isGreaterThan(nearer);
        assertThat(nearer).isGreaterThan(same.mean());
        assertThat(same.worst()).isLessThan(1e-4);
        assertThat(same.probes()).isGreaterThan(4);
    }

    @Test
    void only_projections_are_stored_as_differences() {
        BlockZoo zoo = new BlockZoo(root);
        ModelManifest base = exact(zoo, "demo-base");
        assertThatThrownBy(() -> near(zoo, base, "demo-base", 8))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is the same as its base");
        assertThatThrownBy(() -> near(zoo, base, "demo-draft", 8))
                .hasMessageContaining("numbers are not those of the base");
    }
}
