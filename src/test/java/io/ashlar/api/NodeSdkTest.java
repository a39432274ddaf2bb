package io.ashlar.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ashlar.app.TestServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Runs src/test/node/sdk.mjs; the test script has installed the SDK into target/node-sdk. */
class NodeSdkTest {
    private static final Path FOLDER = Path.of("target/node-sdk");

    @Test
    void the_official_sdk_for_node_works_unchanged() throws IOException, InterruptedException {
        assumeTrue(
                Files.isDirectory(FOLDER.resolve("node_modules/openai")),
                "the OpenAI SDK for Node is not installed; ./ashlar test installs it where Node.js is");
        Files.copy(
                Path.of("src/test/node/sdk.mjs"),
                FOLDER.resolve("sdk.mjs"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        TestServer server = TestServer.shared();
        ProcessBuilder node = new ProcessBuilder("node", "--test", "--test-reporter=tap", "sdk.mjs")
                .directory(FOLDER.toFile())
                .redirectErrorStream(true);
        node.environment().put("BASE_URL", server.apiUrl() + "/v1");
        node.environment().put("API_KEY", server.apiKey());
        Path log = FOLDER.resolve("output.txt");
        Process process = node.redirectOutput(log.toFile()).start();
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        String output = Files.readString(log);
        assertThat(ended).as(output).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        assertThat(output).contains("# pass 6").contains("# fail 0");
    }
}
