package io.ashlar.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigurationTest {
    @TempDir
    Path folder;

    private Path file(String yaml) throws IOException {
        Path file = folder.resolve("ashlar.yaml");
        Files.writeString(file, yaml);
        return file;
    }

    @Test
    void the_command_line_comes_before_the_environment_before_the_file_before_defaults() throws IOException {
        Path file = file("api: {port: 1}\nconsole: {port: 1}\nmanagement: {port: 1}\nengine: {page-memory: 64MB}\n");
        AshlarProperties p = Configuration.read(
                file, Map.of("api.port", "3"), Map.of("ASHLAR_API_PORT", "2", "ASHLAR_CONSOLE_PORT", "2"));
        assertThat(p.api().port()).isEqualTo(3);
        assertThat(p.console().port()).isEqualTo(2);
        assertThat(p.management().port()).isEqualTo(1);
        assertThat(p.engine().pageMemory().toMegabytes()).isEqualTo(64);
        assertThat(p.engine().stepTokens()).isZero();
    }

    @Test
    void unknown_keys_and_wrong_values_are_named() throws IOException {
        Path unknown = file("engine:\n  step-tokenz: 4\n");
        assertThatThrownBy(() -> Configuration.read(unknown, Map.of(), Map.of()))
                .hasMessageContaining("unknown configuration key engine.step-tokenz");
        Path wrong = file("drain: soon\n");
        assertThatThrownBy(() -> Configuration.read(wrong, Map.of(), Map.of()))
                .hasMessageContaining("drain")
                .hasMessageContaining("'soon'");
        Path broken = file("a: [\n");
        assertThatThrownBy(() -> Configuration.read(broken, Map.of(), Map.of())).hasMessageContaining("not valid YAML");
    }

    @Test
    void every_key_is_in_the_readme() throws IOException {
        List<String> keys = new ArrayList<>();
        for (RecordComponent part : AshlarProperties.class.getRecordComponents()) {
            if (part.getType().isRecord()) {
                for (RecordComponent key : part.getType().getRecordComponents()) {
                    keys.add(dashed(part.getName()) + "." + dashed(key.getName()));
                }
            } else {
                keys.add(part.getName());
            }
        }
        String readme = Files.readString(Path.of("README.md"));
        assertThat(keys)
                .hasSizeGreaterThan(15)
                .allSatisfy(key -> assertThat(readme)
                        .containsAnyOf("`" + key + "`", "`" + key.substring(Math.max(0, key.indexOf('.'))) + "`"));
    }

    private static String dashed(String name) {
        return name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    }
}
