package io.ashlar.app;

import java.io.PrintStream;

/** What a start prints: where the doors are and, the first time, how to get in. */
public final class Welcome {
    private Welcome() {}

    public static void print(Server server, PrintStream out) {
        StringBuilder text = new StringBuilder("\nAshlar is ready.\n\n");
        text.append("  API         ").append(server.apiUrl()).append("/v1\n");
        text.append("  Console     ").append(server.consoleUrl()).append('\n');
        text.append("  Management  ").append(server.managementUrl()).append("/health, /prometheus\n\n");
        FirstStart.Facts facts = server.firstStartFacts();
        if (facts == null) {
            text.append("  The first start's administrator and key: ")
                    .append(server.folder().firstStartFile())
                    .append('\n');
        } else {
            text.append("  Administrator  ").append(FirstStart.ADMINISTRATOR).append('\n');
            text.append("  Password       ").append(facts.adminPassword()).append('\n');
            text.append("  API key        ").append(facts.apiKey()).append("\n\n");
            text.append("Shown this once; also in ")
                    .append(server.folder().firstStartFile())
                    .append(". Try it:\n\n");
            text.append("curl ").append(server.apiUrl()).append("/v1/chat/completions \\\n");
            text.append("  -H 'Authorization: Bearer ").append(facts.apiKey()).append("' \\\n");
            text.append("  -H 'Content-Type: application/json' \\\n");
            text.append("  -d '{\"model\": \"demo-base\", \"messages\": "
                    + "[{\"role\": \"user\", \"content\": \"What is the capital of Japan?\"}]}'\n");
        }
        out.println(text);
        out.flush();
    }
}
