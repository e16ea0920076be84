namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>Reads an UpdateExpression (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html).</summary>
internal sealed class UpdateParser : ExpressionParser
{
    private static readonly string[] Sections = ["SET", "REMOVE", "ADD", "DELETE"];

    private readonly List<UpdateAction> _actions = [];

    private UpdateParser(string text, ExpressionContext context)
        : base("UpdateExpression", text, context)
    {
    }

    public static UpdateExpression Parse(string text, ExpressionContext context)
    {
        var parser = new UpdateParser(text, context);
        parser.ReadSections();
        return new UpdateExpression(parser._actions);
    }

    private void ReadSections()
    {
        var seen = new HashSet<string>();
        do
        {
            var section = Sections.FirstOrDefault(Current.IsKeyword) ?? throw SyntaxError();
            Next();
            if (!seen.Add(section))
                throw Invalid($"The \"{section}\" section can only be used once in an update expression;");
            do
                Add(Action(section));
            while (Take(","));
        }
        while (Current.Kind != ExpressionTokenKind.End);
    }

    private void Add(UpdateAction action)
    {
        foreach (var other in _actions.Select(a => a.Path))
        {
            if (other.Overlaps(action.Path))
                throw Invalid($"Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {other}, path two: {action.Path}");
            if (other.Conflicts(action.Path))
                throw Invalid($"Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {other}, path two: {action.Path}");
        }

        _actions.Add(action);
    }

    private UpdateAction Action(string section)
    {
        CountOperator();
        var path = Path();
        switch (section)
        {
            case "SET":
                Expect("=");
                return new SetAction(path, Sum());
            case "REMOVE":
                return new RemoveAction(path);
            case "ADD":
                var added = Value();
                return added is NumberValue or SetValue ? new AddAction(path, added) : throw WrongType("ADD", added);
            default:
                var deleted = Value();
                return deleted is SetValue set ? new DeleteAction(path, set) : throw WrongType("DELETE", deleted);
        }
    }

    private UpdateValue Sum()
    {
        var left = Operand();
        var isDifference = Current.Is("-");
        if (!isDifference && !Current.Is("+"))
            return left;
        CountOperator();
        var sign = Next().Text;
        var right = Operand();
        foreach (var operand in new[] { left, right })
        {
            if (operand is PlainValue { Operand: ValueOperand { Value: not NumberValue } wrong })
                throw WrongType(sign, wrong.Value);
        }

        return new Sum(left, right, isDifference);
    }

    private UpdateValue Operand()
    {
        if (Current.Kind == ExpressionTokenKind.ValueReference)
            return new PlainValue(new ValueOperand(Value()));
        if (Current.Kind != ExpressionTokenKind.Word || !Following.Is("("))
            return new PlainValue(new PathOperand(Path()));
        CountOperator();
        var function = Next().Text;
        Expect("(");
        UpdateValue value;
        switch (function)
        {
            case "if_not_exists":
                var path = Path();
                Expect(",");
                value = new IfNotExists(path, Operand());
                break;
            case "list_append":
                var first = Operand();
                Expect(",");
                value = new ListAppend(ListOrPath(first), ListOrPath(Operand()));
                break;
            default:
                throw Invalid($"Invalid function name; function: {function}");
        }

        Expect(")");
        return value;
    }

    private UpdateValue ListOrPath(UpdateValue value) =>
        value is PlainValue { Operand: ValueOperand { Value: not ListValue } wrong } ? throw WrongType("list_append", wrong.Value) : value;
}
