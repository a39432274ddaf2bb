package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.JsonFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A chat request's messages, as chat templates take them. */
final class Messages {
    private Messages() {}

    static List<Map<String, Object>> read(JsonFields request) {
        List<Map<String, Object>> messages = new ArrayList<>();
        for (JsonFields message : request.objects("messages")) {
            String role = message.text("role");
            // Templates know OpenAI's newer name for system messages by its older one.
            String known = switch (role) {
                case "system", "developer" -> "system";
                case "user", "assistant" -> role;
                case "tool", "function" ->
                    throw ApiException.unsupported(
                            message.name("role"), "'" + message.name("role") + "': tool messages are not supported.");
                default -> throw message.wrong("role", "one of system, developer, user and assistant");
            };
            message.refuse("tool_calls", "[]");
            message.refuse("function_call");
            message.refuse("audio");
            messages.add(Map.of("role", known, "content", content(message)));
        }
        return messages;
    }

    private static String content(JsonFields message) {
        if (!message.has("content")) {
            throw ApiException.invalid(
                    message.name("content"),
                    "'" + message.name("content") + "' is missing; it must be a string or an array of text parts.");
        }
        if (message.get("content").isString()) {
            return message.get("content").stringValue();
        }
        if (!message.get("content").isArray()) {
            throw message.wrong("content", "a string or an array of text parts");
        }
        StringBuilder text = new StringBuilder();
        for (JsonFields part : message.objects("content")) {
            if (!part.text("type").equals("text")) {
                throw ApiException.unsupported(
                        part.name("type"), "'" + part.name("type") + "': only parts of type 'text' are supported.");
            }
            text.append(part.text("text"));
        }
        return text.toString();
    }
}
